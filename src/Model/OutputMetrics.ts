import { Effect } from "effect"
import { type Backend, compute, type Operations, Tensor, type TensorError } from "../Tensor/index.ts"
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
 * tokens: [count]; one pass forth and back for each window. [outputs, outputs] each, symmetric, positive definite. Fails with
 * `ShapeError` as `inputMoments` does.
 */
export const outputMetrics = Effect.fn("Model.outputMetrics")(function* (
  model: Gpt2,
  tokens: Int32Array
): Effect.fn.Return<Readonly<Record<string, Float64Array>>, TensorError, Backend> {
  const names = Object.keys(weightSizes(model.config)).filter((name) => name.startsWith("h."))
  const head = model.config.tie_word_embeddings ? "wte" : "lm_head"
  const sums: Record<string, Float64Array> = {}
  for (const name of [...names, head]) sums[name] = new Float64Array(model.weights[name].outputs ** 2)
  // One window at a time: the activations of all layers are kept for the way back.
  for (const { shape, tokens: part } of yield* textBatches(model.config, tokens, { rows: 1 })) {
    if (part.length < 2) continue
    yield* Effect.yieldNow
    yield* Effect.scoped(
      Effect.gen(function* () {
        const squares = yield* compute((t) => windowSquares(t, model, names, head, part, shape[1]))
        for (const [name, square] of Object.entries(squares)) {
          const values = yield* Tensor.toArray(square)
          const sum = sums[name]
          for (let e = 0; e < sum.length; e++) sum[e] += values[e]
        }
      })
    )
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, metricOf(sum)]))
})

// -> for each name sums over the window's tokens of g gᵀ, [outputs, outputs], and of h hᵀ for the head
const windowSquares = (
  t: Operations,
  model: Gpt2,
  names: ReadonlyArray<string>,
  head: string,
  tokens: Int32Array,
  count: number
): Record<string, Tensor> => {
  const inputs = upload(t.region, tokens, [1, count])
  const targets = upload(
    t.region,
    Int32Array.from(tokens, (_, i) => tokens[i + 1] ?? -1),
    [1, count]
  )
  const square = (x: Tensor) => {
    const rows = t.reshape(x, [count, -1])
    return t.matmul(rows, rows, { transposeA: true })
  }
  const probes = Object.fromEntries(
    names.map((name) => [name, t.full([1, count, model.weights[name].outputs], 0)])
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

// square: [n, n] -> square / mean of its diagonal + I
const metricOf = (square: Float64Array): Float64Array => {
  const n = Math.sqrt(square.length)
  let trace = 0
  for (let i = 0; i < n; i++) trace += square[i * n + i]
  const scale = trace > 0 ? n / trace : 0
  const metric = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++)
      metric[i * n + j] = metric[j * n + i] = (scale * (square[i * n + j] + square[j * n + i])) / 2
    metric[i * n + i] = scale * square[i * n + i] + 1
  }
  return metric
}
