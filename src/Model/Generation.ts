import { Effect, Exit, Scope, Stream } from "effect"
import { fold, type Key, stream as randomStream } from "../Random/index.ts"
import {
  Backend,
  compute,
  NumericalError,
  type Operations,
  ShapeError,
  Tensor,
  type TensorError,
  type TypedArray
} from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { block, embed, finalNorm, head } from "./Forward.ts"
import type { Gpt2 } from "./Gpt2.ts"
import { headWidth } from "./ModelConfig.ts"

/** The keys and values that one layer has computed so far, each [heads, tokens, width of a head]. */
export interface LayerCache {
  readonly keys: Tensor
  readonly values: Tensor
}

/** What later tokens need of those before them: one entry a layer; empty before the first token. */
export type Cache = ReadonlyArray<LayerCache>

/**
 * Reads tokens on from a cache, all of them where it is empty and else one: the logits [vocabulary] for what follows, and the
 * longer cache. Runs inside a region. The same as `forward` over the whole text.
 */
export const extend = (
  t: Operations,
  model: Gpt2,
  cache: Cache,
  tokens: ReadonlyArray<number>
): { readonly logits: Tensor; readonly cache: Cache } => {
  const past = cache.length === 0 ? 0 : cache[0].keys.shape[1]
  if (tokens.length === 0 || (past > 0 && tokens.length > 1))
    throw new ShapeError({
      operation: "extend",
      reason: "needs one token, or with an empty cache at least one",
      shapes: [[tokens.length]]
    })
  const indices = upload(t.region, Int32Array.from(tokens), [1, tokens.length])
  let x = t.tidy(() => embed(t, model, indices, past))
  const longer: Array<LayerCache> = []
  for (let layer = 0; layer < model.config.n_layer; layer++) {
    const done = t.tidy(() => {
      let kept: LayerCache | undefined
      const y = block(t, model, layer, x, (qkv) => {
        const attended = attendFrom(t, model, qkv, cache[layer])
        kept = attended.cache
        return attended.output
      })
      return { y, kept }
    })
    t.region.release(x)
    x = done.y
    if (done.kept !== undefined) longer.push(done.kept)
  }
  const last = t.slice(x, [0, tokens.length - 1, 0], [1, 1, model.config.n_embd])
  const logits = head(t, model, finalNorm(t, model, last))
  return { logits: t.reshape(logits, [model.config.vocab_size]), cache: longer }
}

// qkv: [1, tokens, 3 width]; -> output [1, tokens, width]
const attendFrom = (
  t: Operations,
  { config }: Gpt2,
  qkv: Tensor,
  past: LayerCache | undefined
): { readonly output: Tensor; readonly cache: LayerCache } => {
  const [, tokens] = qkv.shape
  const byHead = (part: number) =>
    t.transpose(
      t.reshape(t.slice(qkv, [0, 0, part * config.n_embd], [1, tokens, config.n_embd]), [
        tokens,
        config.n_head,
        headWidth(config)
      ]),
      [1, 0, 2]
    )
  const [keys, values] = [byHead(1), byHead(2)]
  if (past === undefined) return { output: t.attention(qkv, config.n_head), cache: { keys, values } }
  const cache = {
    keys: t.concatenate([past.keys, keys], 1),
    values: t.concatenate([past.values, values], 1)
  }
  const scores = t.multiply(
    t.matmul(byHead(0), cache.keys, { transposeB: true }),
    1 / Math.sqrt(headWidth(config))
  )
  const output = t.matmul(t.softmax(scores), cache.values)
  return { output: t.reshape(output, [1, tokens, config.n_embd]), cache }
}

/** How the next token is drawn from the logits. */
export interface Sampling {
  /** Divides the logits; positive, default 1. */
  readonly temperature?: number | undefined
  /** Only the so many likeliest tokens can be drawn; default all. */
  readonly topK?: number | undefined
  readonly key: Key
}

export interface GenerationOptions {
  readonly maximumTokens: number
  /** Default: always the likeliest token. */
  readonly sampling?: Sampling | undefined
  /** A token that ends the text; it is the last one given out. */
  readonly endOfText?: number | undefined
}

interface GenerationState {
  readonly tokens: ReadonlyArray<number>
  readonly cache: Cache
  /** Owns the cache. */
  readonly scope: Scope.Closeable | undefined
}

/**
 * Continues a text token by token. Where it outgrows the model's positions, it goes on from their last half. The cache is the
 * stream's own, and freed with it; the n-th token's draw depends on the key and n alone.
 *
 * Fails with `ShapeError` for an empty prompt and for tokens outside the vocabulary, and with `NumericalError` for logits that are not
 * finite and for sampling options without sense.
 *
 * @example
 *   const text = yield* Stream.runCollect(generate(model, prompt, { maximumTokens: 50, sampling: { topK: 40, key: key(1) } }))
 */
export const generate = (
  model: Gpt2,
  prompt: ArrayLike<number>,
  options: GenerationOptions
): Stream.Stream<number, TensorError, Backend> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const owner = yield* Effect.scope
      const problem = samplingProblem(options.sampling)
      if (problem !== undefined) return yield* new NumericalError({ operation: "generate", reason: problem })
      const start: GenerationState = { tokens: Array.from(prompt), cache: [], scope: undefined }
      return Stream.unfold(start, (state) => {
        const made = state.tokens.length - prompt.length
        const last = state.tokens[state.tokens.length - 1]
        const ended = made >= options.maximumTokens || (made > 0 && last === options.endOfText)
        return ended ? Effect.undefined : nextToken(model, owner, options.sampling, state, made)
      })
    })
  )

const nextToken = Effect.fnUntraced(function* (
  model: Gpt2,
  owner: Scope.Scope,
  sampling: Sampling | undefined,
  state: GenerationState,
  made: number
): Effect.fn.Return<readonly [number, GenerationState], TensorError, Backend> {
  yield* Effect.yieldNow
  const { tokens } = state
  const past = state.cache.length === 0 ? 0 : state.cache[0].keys.shape[1]
  const full = past === model.config.n_positions || (past === 0 && tokens.length > model.config.n_positions)
  const cache = full ? [] : state.cache
  const unread = full
    ? tokens.slice(-Math.ceil(model.config.n_positions / 2))
    : past === 0
      ? tokens
      : tokens.slice(-1)

  const scope = yield* Scope.fork(owner)
  const read = yield* Scope.provide(
    compute((t) => extend(t, model, cache, unread)),
    scope
  )
  const logits = yield* Tensor.toArray(read.logits)
  if (state.scope !== undefined) yield* Scope.close(state.scope, Exit.void)
  const token = yield* choose(logits, sampling, made)
  return [token, { tokens: [...tokens, token], cache: read.cache, scope }]
})

const samplingProblem = (sampling: Sampling | undefined): string | undefined => {
  if (sampling === undefined) return undefined
  const { temperature = 1, topK = 1 } = sampling
  if (!(temperature > 0 && temperature < Infinity))
    return `the temperature ${temperature} is not positive; leave out "sampling" for the likeliest token`
  return Number.isInteger(topK) && topK >= 1 ? undefined : `topK ${topK} is not a positive integer`
}

/** The index of the likeliest token, or one drawn from softmax(logits / temperature) over the likeliest `topK`. */
const choose = (
  logits: TypedArray,
  sampling: Sampling | undefined,
  position: number
): Effect.Effect<number, NumericalError> => {
  let best = 0
  for (let i = 0; i < logits.length; i++) {
    if (!Number.isFinite(logits[i]))
      return Effect.fail(
        new NumericalError({ operation: "generate", reason: `the logit of token ${i} is ${logits[i]}` })
      )
    if (logits[i] > logits[best]) best = i
  }
  if (sampling === undefined) return Effect.succeed(best)
  const { temperature = 1, topK = logits.length, key } = sampling
  const least = topK >= logits.length ? -Infinity : logits.toSorted()[logits.length - topK]
  const weights = new Float64Array(logits.length)
  for (let i = 0; i < logits.length; i++)
    if (logits[i] >= least) weights[i] = Math.exp((logits[i] - logits[best]) / temperature)
  return Effect.sync(() => randomStream(fold(key, position)).categorical(weights))
}
