import type { Factorizations } from "../../Tensor/Factorizations.ts"
import { Storage, type Tensor } from "../../Tensor/Tensor.ts"
import type { Dispatch } from "./Dispatch.ts"
import type { Block } from "./Memory.ts"
import { productKernels } from "./Product.ts"

const matrix = (address: number, rows: number, columns: number): Tensor => ({
  shape: [rows, columns],
  dtype: "float64",
  storage: new Storage({ address, bytes: 8 * rows * columns })
})

/** Products of host matrices by the backend's own kernel and threads, where no BLAS is at hand: JavaScript has a tenth of their speed. */
export const hostProduct = (d: Dispatch): Factorizations["multiply"] => {
  const { matmul } = productKernels(d)
  return (a, b, m, k, n, { transposeA = false, transposeB = false } = {}) => {
    const options = { transposeA, transposeB, bias: undefined }
    if (m * n === 0) return new Float64Array(0)
    return d.lend(8 * m * k, (left) =>
      d.lend(8 * k * n, (right) => {
        d.memory.float64.set(a, left / 8)
        d.memory.float64.set(b, right / 8)
        const x = transposeA ? matrix(left, k, m) : matrix(left, m, k)
        const y = transposeB ? matrix(right, n, k) : matrix(right, k, n)
        const product = matmul(x, y, options) as Block
        try {
          return d.memory.float64.slice(product.address / 8, product.address / 8 + m * n)
        } finally {
          d.memory.release(product)
        }
      })
    )
  }
}
