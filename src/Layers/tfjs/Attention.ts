import type { Kernels } from "../../Tensor/Backend.ts"
import type { Tensor } from "../../Tensor/Tensor.ts"
import type { Device, Pass } from "./Device.ts"
import type { TensorInfo } from "./Engine.ts"
import { softmax, softmaxGradient } from "./RowWise.ts"

/** Added to the scores of later tokens: exp of it is 0 in float32, and its difference from any other score is a number. */
const hidden = -1e30

interface Heads {
  readonly batch: number
  readonly tokens: number
  readonly heads: number
  readonly size: number
}

const headsOf = (qkv: Tensor, heads: number): Heads => {
  const [batch, tokens, triple] = qkv.shape
  return { batch, tokens, heads, size: triple / 3 / heads }
}

/** [batch, tokens, 3 width] -> queries, keys and values, each [batch heads, tokens, size] */
const parts = (p: Pass, qkv: Tensor, { batch, tokens, heads, size }: Heads): Array<TensorInfo> => {
  const apart = p.transpose(p.view(qkv, [batch * tokens, 3, heads * size]), [1, 0, 2])
  return [0, 1, 2].map((part) =>
    byHead(p, p.slice(apart, [part, 0, 0], [1, batch * tokens, heads * size]), { batch, tokens, heads, size })
  )
}

/** [batch, tokens, width] -> [batch heads, tokens, size] */
const byHead = (p: Pass, x: TensorInfo, { batch, tokens, heads, size }: Heads): TensorInfo =>
  p.reshape(p.transpose(p.reshape(x, [batch, tokens, heads, size]), [0, 2, 1, 3]), [
    batch * heads,
    tokens,
    size
  ])

/** [batch heads, tokens, size] -> [batch, tokens, width] */
const byToken = (p: Pass, x: TensorInfo, { batch, tokens, heads, size }: Heads): TensorInfo =>
  p.reshape(p.transpose(p.reshape(x, [batch, heads, tokens, size]), [0, 2, 1, 3]), [
    batch,
    tokens,
    heads * size
  ])

/** [1, tokens, tokens]: `hidden` where the key is later than the query, else 0. */
const causalMask = (p: Pass, tokens: number): TensorInfo => {
  const places = p.upload(
    Float32Array.from({ length: tokens }, (_, i) => i),
    [tokens]
  )
  const later = p.binary("Less", p.reshape(places, [1, tokens, 1]), p.reshape(places, [1, 1, tokens]))
  return p.scale(p.cast(later, "float32"), hidden)
}

export const attentionKernels = (d: Device): Pick<Kernels, "attention" | "attentionGradient"> => ({
  attention: (qkv, count, keepProbabilities) => {
    const heads = headsOf(qkv, count)
    const { batch, tokens, size } = heads
    const shape = [batch, tokens, count * size]
    const square = [batch, count, tokens, tokens]
    if (batch * tokens === 0) {
      const empty = () => d.result("attention", [0], "float32", (p) => p.fill(0))
      return [empty(), keepProbabilities ? empty() : undefined]
    }
    d.requireRoom(square)
    d.requireRoom(shape)
    const [out, probabilities] = d.passes("attention", (p) => {
      const [q, k, v] = parts(p, qkv, heads)
      const scores = p.product(p.scale(q, 1 / Math.sqrt(size)), k, false, true)
      const weights = softmax(p, p.add(scores, causalMask(p, tokens)))
      const result = byToken(p, p.product(weights, v), heads)
      return keepProbabilities ? [result, weights] : [result]
    })
    return [d.own(out), probabilities && d.own(probabilities)]
  },

  attentionGradient: (qkv, probabilities, gradient, count) => {
    const heads = headsOf(qkv, count)
    const { batch, tokens, size } = heads
    return d.result("attentionGradient", qkv.shape, "float32", (p) => {
      const [q, k, v] = parts(p, qkv, heads)
      const weights = p.view(probabilities, [batch * count, tokens, tokens])
      const g = byHead(p, p.view(gradient), heads)
      const scores = p.scale(softmaxGradient(p, weights, p.product(g, v, false, true)), 1 / Math.sqrt(size))
      const gradients = [p.product(scores, k), p.product(scores, q, true), p.product(weights, g, true)]
      return p.concatenate(
        gradients.map((x) => byToken(p, x, heads)),
        2
      )
    })
  }
})
