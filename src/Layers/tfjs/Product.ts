import type { Kernels } from "../../Tensor/Backend.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"
import type { Device } from "./Device.ts"
import { infoDType } from "./Elementwise.ts"

export const productKernels = (d: Device): Pick<Kernels, "matmul"> => ({
  matmul: (a, b, { transposeA, transposeB, bias }) => {
    const [lastA, lastB] = [a.shape.slice(-2), b.shape.slice(-2)]
    const [m, k] = transposeA ? lastA.toReversed() : lastA
    const n = transposeB ? lastB[0] : lastB[1]
    const batchShape = a.shape.length > 2 ? a.shape.slice(0, -2) : b.shape.slice(0, -2)
    const shape = [...batchShape, m, n]
    return d.result("matmul", shape, infoDType(a), (p) => {
      if (k === 0) return bias === undefined ? p.fill(0, shape) : p.broadcast(p.view(bias), shape)
      // x [batch..., rows, inner] times one matrix is one product of all the rows.
      const folds = b.shape.length === 2 && !transposeA
      const batchesOf = (x: typeof a) => (folds ? 1 : sizeOf(x.shape.slice(0, -2)))
      const rows = folds ? sizeOf(batchShape) * m : lastA[0]
      const product = p.product(
        p.view(a, [batchesOf(a), rows, lastA[1]]),
        p.view(b, [batchesOf(b), ...lastB]),
        transposeA,
        transposeB
      )
      return bias === undefined ? product : p.add(product, p.view(bias))
    })
  }
})
