import { fold, type Key } from "../Random/index.ts"
import { type Operations, ShapeError, type Tensor } from "../Tensor/index.ts"
import { type Gpt2, parameters } from "./Gpt2.ts"

export interface ForwardOptions {
  /** Sets a part `rate` of the embedding and of each residual branch to zero, the same part for the same key; default none. */
  readonly dropout?: { readonly rate: number; readonly key: Key } | undefined
  /** Whether to return the residual stream of every layer; default false. */
  readonly hiddenStates?: boolean | undefined
  /** Hears what each weight of a layer is given, x [batch, tokens, inputs]; what it returns outlives the layer. */
  readonly observe?: Observe | undefined
}

export type Observe = (weight: string, x: Tensor) => ReadonlyArray<Tensor>

export interface Forward {
  /** [batch, tokens, vocabulary] */
  readonly logits: Tensor
  /** As Hugging Face counts: the embedding and the output of each layer, the last after the final norm; layers + 1 of [batch, tokens, width]. */
  readonly hidden: ReadonlyArray<Tensor>
}

type Drop = (x: Tensor, site: string) => Tensor

type See = (weight: string, x: Tensor) => void

const unseen: See = () => undefined

/** x W + b of a weight of a layer. */
export const affine = (t: Operations, model: Gpt2, name: string, x: Tensor, see: See = unseen): Tensor => {
  see(name, x)
  return model.weights[name].apply(t, x, model.tensors[`${name}.bias`])
}

/** The layer norm of that name. */
export const norm = (t: Operations, model: Gpt2, name: string, x: Tensor): Tensor =>
  t.layerNorm(
    x,
    model.tensors[`${name}.weight`],
    model.tensors[`${name}.bias`],
    model.config.layer_norm_epsilon
  )

/** Token embeddings plus those of the positions from `first` on: int32 [batch, tokens] -> [batch, tokens, width]. */
export const embed = (t: Operations, model: Gpt2, tokens: Tensor, first = 0): Tensor => {
  const { n_positions, n_embd } = model.config
  const [, count] = tokens.shape
  if (tokens.shape.length !== 2 || first + count > n_positions)
    throw new ShapeError({
      operation: "gpt2",
      reason: `needs tokens [batch, tokens] within the model's ${n_positions} positions`,
      shapes: [tokens.shape]
    })
  const positions = t.slice(model.tensors["wpe.weight"], [first, 0], [count, n_embd])
  return t.add(model.weights.wte.rows(t, tokens), positions)
}

/**
 * One layer, x [batch, tokens, width] -> the same; `attend` makes attention's output [batch, tokens, width] from queries,
 * keys and values [batch, tokens, 3 width].
 */
export const block = (
  t: Operations,
  model: Gpt2,
  layer: number,
  x: Tensor,
  attend: (qkv: Tensor) => Tensor,
  drop: Drop = (branch) => branch,
  see: See = unseen
): Tensor => {
  const name = `h.${layer}`
  const qkv = affine(t, model, `${name}.attn.c_attn`, norm(t, model, `${name}.ln_1`, x), see)
  const attended = affine(t, model, `${name}.attn.c_proj`, attend(qkv), see)
  const y = t.add(x, drop(attended, `${name}.attn`))
  const inner = t.gelu(affine(t, model, `${name}.mlp.c_fc`, norm(t, model, `${name}.ln_2`, y), see))
  return t.add(y, drop(affine(t, model, `${name}.mlp.c_proj`, inner, see), `${name}.mlp`))
}

/** The final layer norm. */
export const finalNorm = (t: Operations, model: Gpt2, x: Tensor): Tensor => norm(t, model, "ln_f", x)

/** Hidden states after the final norm [..., width] -> logits [..., vocabulary]. */
export const head = (t: Operations, model: Gpt2, hidden: Tensor): Tensor =>
  (model.weights.lm_head ?? model.weights.wte).applyTransposed(t, hidden)

const dropper =
  (t: Operations, dropout: ForwardOptions["dropout"]): Drop =>
  (x, site) => {
    if (dropout === undefined) return x
    const [high, low] = fold(dropout.key, site)
    return t.dropout(x, dropout.rate, [high, low])
  }

/** Whether a gradient of this model is being recorded: not so of a teacher beside its student. */
const recordsGradients = (t: Operations, model: Gpt2): boolean =>
  t.region.recording && Object.values(parameters(model)).some((x) => t.region.isTracked(x))

/**
 * The residual stream: int32 tokens [batch, tokens] -> layers + 1 of [batch, tokens, width], or the last alone. Without
 * gradients to record, what a layer made is freed when it is done.
 */
export const residualStream = (
  t: Operations,
  model: Gpt2,
  tokens: Tensor,
  options: ForwardOptions
): ReadonlyArray<Tensor> => {
  const drop = dropper(t, options.dropout)
  const records = recordsGradients(t, model)
  // `t.tidy` keeps all while any gradient is recorded, a teacher's part too.
  const tidy = <A>(body: () => A): A => (records ? body() : t.region.tidy(body))
  const attend = (qkv: Tensor) => t.attention(qkv, model.config.n_head)
  let x = tidy(() => drop(embed(t, model, tokens), "embedding"))
  const states: Array<Tensor> = []
  const { observe } = options
  const last = model.config.n_layer - 1
  for (let layer = 0; layer <= last; layer++) {
    const input = x
    const seen: Array<ReadonlyArray<Tensor>> = []
    const see: See = observe === undefined ? unseen : (weight, given) => seen.push(observe(weight, given))
    x = tidy(() => {
      const y = block(t, model, layer, input, attend, drop, see)
      return { y: layer === last ? finalNorm(t, model, y) : y, seen }
    }).y
    if (options.hiddenStates) states.push(input)
    else if (!records) t.region.release(input)
  }
  return [...states, x]
}

/**
 * The network: int32 tokens [batch, tokens], tokens at most the model's positions, to logits for each next token. Runs inside
 * a region, with or without gradients; throws `ShapeError` for too long texts and for tokens outside the vocabulary.
 *
 * @example
 *   const { logits } = yield* compute((t) => forward(t, model, tokens))
 */
export const forward = (
  t: Operations,
  model: Gpt2,
  tokens: Tensor,
  options: ForwardOptions = {}
): Forward => {
  const states = residualStream(t, model, tokens, options)
  const last = states[states.length - 1]
  if (recordsGradients(t, model))
    return { logits: head(t, model, last), hidden: options.hiddenStates ? states : [] }
  const logits = t.region.tidy(() => head(t, model, last))
  if (options.hiddenStates) return { logits, hidden: states }
  t.region.release(last)
  return { logits, hidden: [] }
}

/** The rest of the network, from the residual stream before a layer [batch, tokens, width] to logits; without gradients. */
export const forwardFrom = (t: Operations, model: Gpt2, layer: number, x: Tensor): Tensor => {
  const attend = (qkv: Tensor) => t.attention(qkv, model.config.n_head)
  let stream = x
  for (let next = layer; next < model.config.n_layer; next++) {
    const before = stream
    stream = t.region.tidy(() => block(t, model, next, before, attend))
    if (before !== x) t.region.release(before)
  }
  return t.region.tidy(() => head(t, model, finalNorm(t, model, stream)))
}

/** Logits of more elements than this are worked out in parts when no gradient is recorded: 64 MiB in float32. */
const largestLogits = 1 << 24

/**
 * -log p(target) of every token: inputs and targets int32 [batch, tokens] -> [batch, tokens]; a negative target is not counted
 * and has loss 0.
 */
export const tokenLosses = (
  t: Operations,
  model: Gpt2,
  inputs: Tensor,
  targets: Tensor,
  options: ForwardOptions = {}
): Tensor => {
  const hidden = residualStream(t, model, inputs, { ...options, hiddenStates: false })[0]
  const count = targets.shape.reduce((product, size) => product * size, 1)
  const part = Math.max(1, Math.floor(largestLogits / model.config.vocab_size))
  if (recordsGradients(t, model) || count <= part) return t.crossEntropy(head(t, model, hidden), targets)

  const width = model.config.n_embd
  const [rows, wanted] = [t.reshape(hidden, [count, width]), t.reshape(targets, [count])]
  const losses: Array<Tensor> = []
  for (let start = 0; start < count; start += part) {
    const size = Math.min(part, count - start)
    losses.push(
      t.region.tidy(() =>
        t.crossEntropy(
          head(t, model, t.slice(rows, [start, 0], [size, width])),
          t.slice(wanted, [start], [size])
        )
      )
    )
  }
  return t.reshape(t.concatenate(losses, 0), targets.shape)
}

/** Mean cross-entropy, in nats, over the targets that count: int32 inputs and targets [batch, tokens], negative: not counted. */
export const loss = (
  t: Operations,
  model: Gpt2,
  inputs: Tensor,
  targets: Tensor,
  options: ForwardOptions = {}
): Tensor => {
  const losses = tokenLosses(t, model, inputs, targets, options)
  return t.divide(t.sum(losses), countedTargets(t, targets, losses))
}

/** How many targets count, at least 1, in the element type of `like`. */
export const countedTargets = (t: Operations, targets: Tensor, like: Tensor): Tensor => {
  const one = t.full([], 1, like.dtype)
  return t.maximum(t.sum(t.where(t.lessEqual(0, targets), one, 0)), one)
}
