import { sizeOf, type TypedArray } from "../../Tensor/Tensor.ts"
import { type HostArray, zerosLike } from "./HostArray.ts"

interface Flags {
  readonly transposeA: boolean
  readonly transposeB: boolean
  /** [n], added to every row. */
  readonly bias: HostArray | undefined
}

/** a: [batch..., m, k], b: [batch..., k, n] before the flags -> [batch..., m, n]; rows are accumulated in float64. */
export const matmul = (a: HostArray, b: HostArray, { transposeA, transposeB, bias }: Flags): TypedArray => {
  const [rowsA, columnsA] = a.shape.slice(-2)
  const [rowsB, columnsB] = b.shape.slice(-2)
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA]
  const n = transposeB ? rowsB : columnsB
  const [rowStrideA, columnStrideA] = transposeA ? [1, m] : [k, 1]
  const [rowStrideB, columnStrideB] = transposeB ? [1, k] : [n, 1]
  const batches = Math.max(a.shape.length, b.shape.length) === 2 ? 1 : batchesOf(a, b)
  const [batchStrideA, batchStrideB] = [a.shape.length > 2 ? m * k : 0, b.shape.length > 2 ? k * n : 0]
  const result = zerosLike(a.values, batches * m * n)
  const row = new Float64Array(n)
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < m; i++) {
      if (bias === undefined) row.fill(0)
      else row.set(bias.values)
      for (let p = 0; p < k; p++) {
        const x = a.values[batch * batchStrideA + i * rowStrideA + p * columnStrideA]
        const start = batch * batchStrideB + p * rowStrideB
        for (let j = 0; j < n; j++) row[j] += x * b.values[start + j * columnStrideB]
      }
      result.set(row, (batch * m + i) * n)
    }
  }
  return result
}

const batchesOf = (a: HostArray, b: HostArray): number =>
  sizeOf((a.shape.length > 2 ? a : b).shape.slice(0, -2))
