import { Effect } from "effect"
import { type Operations, Tensor } from "../../src/Tensor/index.ts"
import { type DType, type Shape, sizeOf } from "../../src/Tensor/Tensor.ts"
import { randomNumbers } from "../randomNumbers.ts"

export interface Transformer {
  readonly parameters: Readonly<Record<string, Tensor>>
  /** int32 [1, tokens] */
  readonly inputs: Tensor
  readonly targets: Tensor
}

const [vocabulary, width] = [5, 4]
const tokens = Int32Array.of(1, 4, 2, 2, 0, 3)

/** One layer of a transformer, and six tokens that it is to predict: every kind of kernel that training uses. */
export const transformer = (dtype?: DType) =>
  Effect.gen(function* () {
    const random = (shape: Shape, seed: number) =>
      Tensor.fromArray(randomNumbers(sizeOf(shape), seed), shape, dtype)
    const parameters = {
      embedding: yield* random([vocabulary, width], 1),
      gain: yield* Tensor.full([width], 1, dtype),
      bias: yield* Tensor.full([width], 0, dtype),
      attention: yield* random([width, 3 * width], 2),
      expand: yield* random([width, 2 * width], 3),
      expandBias: yield* random([2 * width], 4),
      shrink: yield* random([2 * width, width], 5)
    }
    const inputs = yield* Tensor.fromArray(tokens, [1, tokens.length])
    const targets = yield* Tensor.fromArray(Int32Array.of(...tokens.slice(1), -1), [1, tokens.length])
    return { parameters, inputs, targets } satisfies Transformer
  })

/** Mean cross-entropy of the next token, with dropout. */
export const transformerLoss = (t: Operations, { parameters: p, inputs, targets }: Transformer): Tensor => {
  const x = t.gather(p.embedding, inputs)
  const attended = t.add(x, t.attention(t.linear(t.layerNorm(x, p.gain, p.bias), p.attention), 2))
  const hidden = t.gelu(t.linear(t.dropout(attended, 0.1, [1, 2]), p.expand, p.expandBias))
  const last = t.add(attended, t.linear(hidden, p.shrink))
  return t.mean(t.crossEntropy(t.matmul(last, p.embedding, { transposeB: true }), targets))
}
