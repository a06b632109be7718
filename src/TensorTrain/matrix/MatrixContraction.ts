import type { Operations, Tensor } from "../../Tensor/index.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"

/** The sizes of a TT-matrix W [prod m_k, prod n_k]. */
export interface MatrixShape {
  /** m_1, ..., m_d */
  readonly inputs: ReadonlyArray<number>
  /** n_1, ..., n_d */
  readonly outputs: ReadonlyArray<number>
  /** r_0, ..., r_d */
  readonly ranks: ReadonlyArray<number>
}

/**
 * How x W is worked out: core by core from the first or from the last, or by building W, which pays once there are more rows
 * than W costs to build.
 */
export type MatrixOrder = "first-core-first" | "last-core-first" | "dense-first"

/** The work of one contraction, or of building W. */
interface Work {
  readonly multiplications: number
  /** Elements that are put into another order. */
  readonly moved: number
}

const coreByCore = ({ inputs, outputs, ranks }: MatrixShape, rows: number): Work => {
  let [multiplications, moved] = [0, 0]
  let before = rows
  for (let k = 0; k < inputs.length; k++) {
    const after = sizeOf(inputs.slice(k + 1))
    const made = before * after * outputs[k] * ranks[k + 1]
    multiplications += made * inputs[k] * ranks[k]
    moved += made
    before *= outputs[k]
  }
  return { multiplications, moved: moved + rows * sizeOf(inputs) }
}

const building = ({ inputs, outputs, ranks }: MatrixShape): Work => {
  let elements = inputs[0] * outputs[0] * ranks[1]
  let multiplications = 0
  for (let k = 1; k < inputs.length; k++) {
    elements = (elements / ranks[k]) * inputs[k] * outputs[k] * ranks[k + 1]
    multiplications += elements * ranks[k]
  }
  return { multiplications, moved: elements }
}

/** The same matrix read from the last core to the first: W with its cores, and their ranks, in reverse. */
export const mirrored = ({ inputs, outputs, ranks }: MatrixShape): MatrixShape => ({
  inputs: inputs.toReversed(),
  outputs: outputs.toReversed(),
  ranks: ranks.toReversed()
})

export const transposedShape = ({ inputs, outputs, ranks }: MatrixShape): MatrixShape => ({
  inputs: outputs,
  outputs: inputs,
  ranks
})

const workOf = (shape: MatrixShape, order: MatrixOrder, rows: number): Work => {
  if (order !== "dense-first") return coreByCore(order === "first-core-first" ? shape : mirrored(shape), rows)
  const built = building(shape)
  const product = rows * sizeOf(shape.inputs) * sizeOf(shape.outputs)
  return { multiplications: built.multiplications + product, moved: built.moved }
}

/** Multiplications of x W in one order, for so many rows of x. */
export const multiplications = (shape: MatrixShape, order: MatrixOrder, rows: number): number =>
  workOf(shape, order, rows).multiplications

/** What moving one element costs, in multiplications: as measured for Kronecker sums. */
const multiplicationsPerMove = 48

const orders: ReadonlyArray<MatrixOrder> = ["dense-first", "first-core-first", "last-core-first"]

/** The cheapest order for so many rows of x, its multiplications and the moving of elements counted. */
export const cheapestOrder = (shape: MatrixShape, rows: number): MatrixOrder => {
  const cost = (order: MatrixOrder) => {
    const work = workOf(shape, order, rows)
    return work.multiplications + multiplicationsPerMove * work.moved
  }
  return orders.reduce((best, order) => (cost(order) < cost(best) ? order : best))
}

/** The cores of a TT-matrix, and whether the matrix is read transposed. */
export interface MatrixCores {
  readonly shape: MatrixShape
  /** G_k: [r_{k-1}, m_k, n_k, r_k] */
  readonly cores: ReadonlyArray<Tensor>
  readonly transposed: boolean
}

/** x W (or x Wᵀ), from the first core on: one product a core, and the axes of what it made put in place for the next. */
// x: [rows, m_1 ... m_d] -> [rows, n_1 ... n_d]
export const contractFromFirst = (
  t: Operations,
  x: Tensor,
  { shape, cores, transposed }: MatrixCores
): Tensor => {
  const { inputs, outputs, ranks } = transposed ? transposedShape(shape) : shape
  const rows = x.shape[0]
  let done = 1
  let after = sizeOf(inputs.slice(1))
  // z: [rows, done, after, m_k, r_{k-1}]
  let z = t.transpose(t.reshape(x, [rows, inputs[0], after]), [0, 2, 1])
  for (let k = 0; k < cores.length; k++) {
    // [m_k, r_{k-1}, n_k, r_k]
    const matrix = t.reshape(t.transpose(cores[k], transposed ? [2, 0, 1, 3] : [1, 0, 2, 3]), [
      inputs[k] * ranks[k],
      outputs[k] * ranks[k + 1]
    ])
    const y = t.matmul(t.reshape(z, [rows * done * after, inputs[k] * ranks[k]]), matrix)
    if (k === cores.length - 1) {
      z = y
      break
    }
    const next = inputs[k + 1]
    after /= next
    z = t.transpose(t.reshape(y, [rows * done, next, after, outputs[k], ranks[k + 1]]), [0, 3, 2, 1, 4])
    done *= outputs[k]
  }
  return t.reshape(z, [rows, sizeOf(outputs)])
}

/** The same from the last core on. */
// x: [rows, m_1 ... m_d] -> [rows, n_1 ... n_d]
export const contractFromLast = (
  t: Operations,
  x: Tensor,
  { shape, cores, transposed }: MatrixCores
): Tensor => {
  const { inputs, outputs, ranks } = transposed ? transposedShape(shape) : shape
  const rows = x.shape[0]
  let done = 1
  let before = sizeOf(inputs)
  // z: [rows, done, before, m_k, r_k]
  let z = x
  for (let k = cores.length - 1; k >= 0; k--) {
    before /= inputs[k]
    // [m_k, r_k, n_k, r_{k-1}]
    const matrix = t.reshape(t.transpose(cores[k], transposed ? [2, 3, 1, 0] : [1, 3, 2, 0]), [
      inputs[k] * ranks[k + 1],
      outputs[k] * ranks[k]
    ])
    const y = t.matmul(t.reshape(z, [rows * done * before, inputs[k] * ranks[k + 1]]), matrix)
    z = t.transpose(t.reshape(y, [rows, done * before, outputs[k], ranks[k]]), [0, 2, 1, 3])
    done *= outputs[k]
  }
  return t.reshape(z, [rows, sizeOf(outputs)])
}

/** W [prod m_k, prod n_k]. */
export const expand = (t: Operations, { shape, cores }: MatrixCores): Tensor => {
  const { inputs, outputs, ranks } = shape
  let matrix = t.reshape(cores[0], [inputs[0] * outputs[0], ranks[1]])
  for (let k = 1; k < cores.length; k++) {
    const core = t.reshape(cores[k], [ranks[k], inputs[k] * outputs[k] * ranks[k + 1]])
    matrix = t.reshape(t.matmul(matrix, core), [-1, ranks[k + 1]])
  }
  const count = cores.length
  const paired = t.reshape(
    matrix,
    inputs.flatMap((size, k) => [size, outputs[k]])
  )
  const rowsFirst = Array.from({ length: 2 * count }, (_, axis) =>
    axis < count ? 2 * axis : 2 * (axis - count) + 1
  )
  return t.reshape(t.transpose(paired, rowsFirst), [sizeOf(inputs), sizeOf(outputs)])
}

/** Rows of W, only these: digits[k] int32 [count], the k-th digit of each wanted row -> [count, prod n_k]. */
export const rowsAt = (
  t: Operations,
  { shape, cores }: MatrixCores,
  digits: ReadonlyArray<Tensor>
): Tensor => {
  const { outputs, ranks } = shape
  const count = digits[0].shape[0]
  // slices: [count, r_{k-1}, n_k r_k]
  const slices = (k: number) =>
    t.reshape(t.gather(t.transpose(cores[k], [1, 0, 2, 3]), digits[k]), [
      count,
      ranks[k],
      outputs[k] * ranks[k + 1]
    ])
  // z: [count, n_1 ... n_k, r_k]
  let z = t.reshape(slices(0), [count, outputs[0], ranks[1]])
  for (let k = 1; k < cores.length; k++)
    z = t.reshape(t.matmul(z, slices(k)), [count, sizeOf(outputs.slice(0, k + 1)), ranks[k + 1]])
  return t.reshape(z, [count, sizeOf(outputs)])
}
