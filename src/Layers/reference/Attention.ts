import type { TypedArray } from "../../Tensor/Tensor.ts"
import { type HostArray, zerosLike } from "./HostArray.ts"

interface Geometry {
  readonly batch: number
  readonly tokens: number
  readonly width: number
  readonly headSize: number
  /** 1 / sqrt(headSize) (Vaswani et al., 2017, equation 1). */
  readonly scale: number
}

const geometryOf = (qkv: HostArray, heads: number): Geometry => {
  const [batch, tokens, triple] = qkv.shape
  const width = triple / 3
  const headSize = width / heads
  return { batch, tokens, width, headSize, scale: 1 / Math.sqrt(headSize) }
}

const dot = (x: TypedArray, startX: number, y: TypedArray, startY: number, length: number): number => {
  let total = 0
  for (let i = 0; i < length; i++) total += x[startX + i] * y[startY + i]
  return total
}

/**
 * qkv: [batch, tokens, 3 width], the queries, keys and values of all heads side by side
 * -> [out [batch, tokens, width], probabilities [batch, heads, tokens, tokens]]; token i attends to tokens 0 to i.
 */
export const attention = (qkv: HostArray, heads: number): readonly [TypedArray, TypedArray] => {
  const { batch, tokens, width, headSize, scale } = geometryOf(qkv, heads)
  const out = zerosLike(qkv.values, batch * tokens * width)
  const probabilities = zerosLike(qkv.values, batch * heads * tokens * tokens)
  const row = new Float64Array(tokens)
  const mixed = new Float64Array(headSize)
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const queryOf = (token: number) => (b * tokens + token) * 3 * width + head * headSize
      const keyOf = (token: number) => queryOf(token) + width
      const valueOf = (token: number) => queryOf(token) + 2 * width
      for (let i = 0; i < tokens; i++) {
        let largest = -Infinity
        for (let j = 0; j <= i; j++) {
          row[j] = scale * dot(qkv.values, queryOf(i), qkv.values, keyOf(j), headSize)
          largest = Math.max(largest, row[j])
        }
        let total = 0
        for (let j = 0; j <= i; j++) {
          row[j] = Math.exp(row[j] - largest)
          total += row[j]
        }
        mixed.fill(0)
        for (let j = 0; j <= i; j++) {
          const probability = row[j] / total
          probabilities[((b * heads + head) * tokens + i) * tokens + j] = probability
          for (let p = 0; p < headSize; p++) mixed[p] += probability * qkv.values[valueOf(j) + p]
        }
        out.set(mixed, (b * tokens + i) * width + head * headSize)
      }
    }
  }
  return [out, probabilities]
}

/** gradient: [batch, tokens, width] of `out` -> [batch, tokens, 3 width] of qkv. */
export const attentionGradient = (
  qkv: HostArray,
  probabilities: HostArray,
  gradient: HostArray,
  heads: number
): TypedArray => {
  const { batch, tokens, width, headSize, scale } = geometryOf(qkv, heads)
  const result = new Float64Array(qkv.values.length)
  const row = new Float64Array(tokens)
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const queryOf = (token: number) => (b * tokens + token) * 3 * width + head * headSize
      const keyOf = (token: number) => queryOf(token) + width
      const valueOf = (token: number) => queryOf(token) + 2 * width
      for (let i = 0; i < tokens; i++) {
        const outAt = (b * tokens + i) * width + head * headSize
        const weights = ((b * heads + head) * tokens + i) * tokens
        // row: the gradient of the probabilities; its weighted sum is what softmax takes out.
        let weighted = 0
        for (let j = 0; j <= i; j++) {
          row[j] = dot(gradient.values, outAt, qkv.values, valueOf(j), headSize)
          weighted += row[j] * probabilities.values[weights + j]
        }
        for (let j = 0; j <= i; j++) {
          const probability = probabilities.values[weights + j]
          const score = scale * probability * (row[j] - weighted)
          for (let p = 0; p < headSize; p++) {
            result[queryOf(i) + p] += score * qkv.values[keyOf(j) + p]
            result[keyOf(j) + p] += score * qkv.values[queryOf(i) + p]
            result[valueOf(j) + p] += probability * gradient.values[outAt + p]
          }
        }
      }
    }
  }
  const rounded = zerosLike(qkv.values)
  rounded.set(result)
  return rounded
}
