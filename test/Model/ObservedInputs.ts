import { Effect } from "effect"
import { forward } from "../../src/Model/Forward.ts"
import { key, stream } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import type { tinyGpt2 } from "./TinyGpt2.ts"

const vocabulary = 11
/** 28 tokens for `tinyGpt2`. */
export const text = Int32Array.from({ length: 28 }, () => 0)
{
  const numbers = stream(key("covariance"))
  text.forEach((_, i) => {
    text[i] = numbers.integer(vocabulary)
  })
}

/** What each weight is given for windows [rows, context], as rows of numbers, by the hook alone. */
export const observed = Effect.fnUntraced(function* (
  model: Effect.Success<typeof tinyGpt2>,
  tokens: Int32Array,
  shape: readonly [number, number]
) {
  const inputs = yield* Tensor.fromArray(tokens, shape)
  const seen = yield* compute((t) => {
    const found: Record<string, Tensor> = {}
    forward(t, model, inputs, { observe: (name, x) => [(found[name] = x)] })
    return found
  })
  return yield* Effect.all(
    Object.fromEntries(
      Object.entries(seen).map(([name, x]) => [
        name,
        Effect.map(Tensor.toArray(x), (values) => ({ values, width: x.shape[2] }))
      ])
    )
  )
})

// x: [tokens, m], z: [tokens, n] -> [m, n]
export const crossed = (x: ArrayLike<number>, z: ArrayLike<number>, m: number, n: number): Float64Array => {
  const sum = new Float64Array(m * n)
  const count = x.length / m
  for (let token = 0; token < count; token++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) sum[i * n + j] += (x[token * m + i] * z[token * n + j]) / count
  return sum
}
