import type { Shape } from "../../../src/Tensor/Tensor.ts"
import { type Case, float, floats, text } from "./Case.ts"

interface Product {
  readonly sizes: readonly [m: number, k: number, n: number]
  readonly batchA?: Shape
  readonly batchB?: Shape
}

const products: ReadonlyArray<Product> = [
  { sizes: [1, 1, 1] },
  { sizes: [2, 3, 4] },
  { sizes: [67, 129, 33] },
  { sizes: [130, 64, 257] },
  { sizes: [5, 1, 7] },
  { sizes: [1, 129, 1] },
  { sizes: [1, 67, 129] },
  { sizes: [129, 67, 1] },
  { sizes: [16, 16, 16] },
  { sizes: [3, 0, 4] },
  { sizes: [0, 3, 4] },
  { sizes: [4, 3, 0] },
  { sizes: [5, 6, 7], batchA: [3] },
  { sizes: [5, 6, 7], batchB: [3] },
  { sizes: [5, 6, 7], batchA: [3], batchB: [3] },
  { sizes: [17, 9, 33], batchA: [2, 3], batchB: [2, 3] },
  { sizes: [17, 9, 33], batchA: [2, 3] },
  { sizes: [67, 16, 67], batchA: [8], batchB: [8] },
  { sizes: [2, 3, 4], batchA: [0], batchB: [0] },
  { sizes: [2, 3, 4], batchA: [0] }
]

const flags = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    [false, true].map((withBias) => ({ transposeA, transposeB, withBias }))
  )
)

export const productCases: ReadonlyArray<Case> = products.flatMap(
  ({ sizes: [m, k, n], batchA = [], batchB = [] }) =>
    flags.map(({ transposeA, transposeB, withBias }): Case => {
      const shapeA = [...batchA, ...(transposeA ? [k, m] : [m, k])]
      const shapeB = [...batchB, ...(transposeB ? [n, k] : [k, n])]
      const shape = [...(batchA.length > 0 ? batchA : batchB), m, n]
      return {
        kernel: "matmul",
        name:
          `${text(shapeA, shapeB)}, transposes ${transposeA} and ${transposeB}` +
          (withBias ? ", with bias" : ""),
        inputs: [floats(shapeA), floats(shapeB), ...(withBias ? [floats([n])] : [])],
        run: (kernels, [a, b, bias]) => [float(shape, kernels.matmul(a, b, { transposeA, transposeB, bias }))]
      }
    })
)
