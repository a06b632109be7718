import { Effect } from "effect"
import { type Backend, compute, type Operations, Tensor, type TensorError } from "../Tensor/index.ts"
import { symmetrise } from "../Tensor/HostMatrix.ts"
import { upload } from "../Tensor/Host.ts"
import type { Weight } from "../Weight/index.ts"
import { residualStream, tokenLosses } from "./Forward.ts"
import { type Gpt2, weightSizes } from "./Gpt2.ts"
import { textBatches } from "./TextBatches.ts"

/** Adds a tensor to what the weight puts out, so that the gradient by that tensor is the gradient by the outputs. */
const probed = (weight: Weight, probe: Tensor): Weight => ({
  ...weight,
  // Among the tensors, so that the network knows that gradients are recorded.
  tensors: { ...weight.tensors, probe },
  apply: (t, x, bias) => t.add(weight.apply(t, x, bias), probe)
})

/**
 * In which directions the loss feels what a weight puts out, over a text: for each weight of a layer M = G / mean(diag G) + I, where
 * G = E[g gᵀ] and g the gradient of the text's loss by the outputs at one token (the output side of K-FAC, Martens and Grosse, 2015, with
 * the text's own next tokens); I keeps what this text does not feel. For the head, tied or not, E[h hᵀ] of the hidden states that it reads
 * takes the place of G, and I stands for its other use, as the embedding.
 *
 * tokens: [count]; one pass forth and back; `weights` names those of the layers that are wanted, default all. [outputs, outputs] each, symmetric, positive definite. Fails with
 * `ShapeError` as `inputMoments` does.
 */
export const outputMetrics = Effect.fn("Model.outputMetrics")(function* (
  model: Gpt2,
  tokens: Int32Array,
  weights?: ReadonlyArray<string>
): Effect.fn.Return<Readonly<Record<string, Float64Array>>, TensorError, Backend> {
  const all = Object.keys(weightSizes(model.config))
  const names = all.filter((name) => name.startsWith("h.") && (weights?.includes(name) ?? true))
  const head = model.config.tie_word_embeddings ? "wte" : "lm_head"
  const sums: Record<string, Float64Array> = {}
  for (const name of [...names, head]) sums[name] = new Float64Array(model.weights[name].outputs ** 2)
  for (const { shape, tokens: part } of yield* textBatches(model.config, tokens, {
    rows: windowsTogether(model)
  })) {
    if (part.length < 2) continue
    yield* Effect.yieldNow
    yield* Effect.scoped(
      Effect.gen(function* () {
        const squares = yield* compute((t) => windowSquares(t, model, names, head, part, shape))
        for (const [name, square] of Object.entries(squares)) {
          const values = yield* Tensor.toArray(square)
          const sum = sums[name]
          for (let e = 0; e < sum.length; e++) sum[e] += values[e]
        }
      })
    )
  }
  for (const sum of Object.values(sums)) toMetric(sum)
  return sums
})

/** The activations of all layers are kept for the way back: about this many numbers at once. */
const numbersTogether = 2 ** 28
/** A window's tokens, and what one keeps in a layer, in units of the width. */
const context = 256
const keptInLayer = 20
const mostTogether = 8

const windowsTogether = ({ config }: Gpt2): number => {
  const { n_layer, n_embd, vocab_size } = config
  const perToken = n_layer * n_embd * keptInLayer + 3 * vocab_size
  return Math.max(1, Math.min(mostTogether, Math.floor(numbersTogether / (perToken * context))))
}

// tokens: of [windows, count] -> for each name sums over the tokens of g gᵀ, [outputs, outputs], and of h hᵀ for the head
const windowSquares = (
  t: Operations,
  model: Gpt2,
  names: ReadonlyArray<string>,
  head: string,
  tokens: Int32Array,
  [windows, count]: readonly [number, number]
): Record<string, Tensor> => {
  const inputs = upload(t.region, tokens, [windows, count])
  const targets = upload(
    t.region,
    Int32Array.from(tokens, (_, i) => ((i + 1) % count === 0 ? -1 : tokens[i + 1])),
    [windows, count]
  )
  const square = (x: Tensor) => {
    const rows = t.reshape(x, [windows * count, -1])
    return t.matmul(rows, rows, { transposeA: true })
  }
  const probes = Object.fromEntries(
    names.map((name) => [name, t.full([windows, count, model.weights[name].outputs], 0)])
  )
  const { gradients } = t.valueAndGradients(probes, () => {
    const weights = { ...model.weights }
    for (const name of names) weights[name] = probed(model.weights[name], probes[name])
    return { value: t.sum(tokenLosses(t, { ...model, weights }, inputs, targets)), aux: undefined }
  })
  return t.tidy(() => ({
    ...Object.fromEntries(names.map((name) => [name, square(gradients[name])])),
    [head]: square(residualStream(t, model, inputs, {})[0])
  }))
}

// square: [n, n] <- square / mean of its diagonal + I
const toMetric = (square: Float64Array): void => {
  const n = Math.sqrt(square.length)
  let trace = 0
  for (let i = 0; i < n; i++) trace += square[i * n + i]
  const scale = trace > 0 ? n / trace : 0
  symmetrise(square, n, scale)
  for (let i = 0; i < n; i++) square[i * n + i] = scale * square[i * n + i] + 1
}
