import { Result, Schema } from "effect"
import { type Operations, ShapeError, type Tensor } from "../Tensor/index.ts"
import {
  countNumbers,
  decodeDescription,
  type IndexLayout,
  overRows,
  permutationProblem,
  type Weight,
  type WeightCodec
} from "../Weight/index.ts"
import {
  cheapestOrder,
  contractLeftFirst,
  contractRightFirst,
  type KroneckerShape,
  multiplications,
  type Permuted,
  transposedShape
} from "./Contraction.ts"
import {
  expand,
  type KroneckerSum,
  type KroneckerTables,
  kroneckerTables,
  rowsOf,
  takeColumns
} from "./Expansion.ts"

/** What a Kronecker weight is made from. A permutation that is absent is the identity, and costs nothing. */
export interface KroneckerParts {
  /** A: [terms, m1, n1] */
  readonly left: Tensor
  /** B: [terms, m2, n2] */
  readonly right: Tensor
  /** p, of m1 m2 rows. */
  readonly rows?: Uint32Array | undefined
  /** q, of n1 n2 columns. */
  readonly columns?: Uint32Array | undefined
}

/** W [m1 m2, n1 n2] with W[p[i], q[j]] = (sum_r A_r (x) B_r)[i, j]. */
export interface KroneckerWeight extends Weight {
  readonly format: "kronecker"
  readonly shape: KroneckerShape
  /** int32 look-up tables on the backend, made with the weight and shared by `withTensors`. */
  readonly tables: KroneckerTables
}

const shapeOf = ({ left, right, rows, columns }: KroneckerParts): KroneckerShape => {
  const wrong = (reason: string) =>
    new ShapeError({ operation: "kroneckerWeight", reason, shapes: [left.shape, right.shape] })
  if (left.shape.length !== 3 || right.shape.length !== 3 || left.shape[0] !== right.shape[0])
    throw wrong("left [terms, m1, n1] and right [terms, m2, n2] are needed")
  const [terms, m1, n1] = left.shape
  const [, m2, n2] = right.shape
  if (terms * m1 * n1 * m2 * n2 === 0) throw wrong("the factors are empty")
  const check = (name: string, permutation: Uint32Array | undefined, length: number) => {
    if (permutation === undefined) return
    const problem =
      permutation.length === length ? permutationProblem(permutation) : `has ${permutation.length} indices`
    if (problem !== undefined) throw wrong(`"${name}" is no permutation of ${length}: ${problem}`)
  }
  check("rows", rows, m1 * m2)
  check("columns", columns, n1 * n2)
  return { terms, left: [m1, n1], right: [m2, n2] }
}

/**
 * A sum of Kronecker products between permutations, as a weight. Runs inside a region, which uploads the permutations; throws
 * `ShapeError` for factors that do not fit together and for indices that are no permutation.
 *
 * `apply` contracts in the order that is cheapest for the rows it is given. The format is that of arXiv 2401.16367.
 *
 * @example
 *   const weight = yield* compute((t) => kroneckerWeight(t, { left, right, rows: p }))
 */
export const kroneckerWeight = (t: Operations, parts: KroneckerParts): KroneckerWeight => {
  const shape = shapeOf(parts)
  return assemble(parts, shape, kroneckerTables(t, shape, parts.rows, parts.columns))
}

const assemble = (parts: KroneckerParts, shape: KroneckerShape, tables: KroneckerTables): KroneckerWeight => {
  const { left, right, rows, columns } = parts
  const sum: KroneckerSum = { shape, left, right, tables }
  const tensors = { left, right }
  const indices = { ...(rows && { rows }), ...(columns && { columns }) }
  return {
    format: "kronecker",
    shape,
    tables,
    inputs: shape.left[0] * shape.right[0],
    outputs: shape.left[1] * shape.right[1],
    tensors,
    indices,
    withTensors: (replaced) => {
      const next = { left: replaced.left, right: replaced.right, rows, columns }
      return assemble(next, sameShapeAs(shape, next), tables)
    },
    apply: (t, x, bias) => overRows(t, x, (matrix) => product(t, matrix, sum, false, bias)),
    applyTransposed: (t, x) => overRows(t, x, (matrix) => product(t, matrix, sum, true)),
    rows: (t, wanted) => rowsOf(t, sum, wanted),
    toDense: (t) => {
      const { matrix, isTransposed } = expand(t, sum)
      return isTransposed ? t.transpose(matrix) : matrix
    },
    storedParameters: countNumbers({ tensors, indices }),
    multiplyAdds: (count) =>
      multiplications(shape, cheapestOrder(shape, count, permutedSides(tables, false)), count)
  }
}

const permutedSides = ({ rows, columns }: KroneckerTables, transposed: boolean): Permuted => {
  const [first, second] = transposed ? [columns, rows] : [rows, columns]
  return { rows: first.permutation !== undefined, columns: second.permutation !== undefined }
}

const sameShapeAs = (expected: KroneckerShape, parts: KroneckerParts): KroneckerShape => {
  const shape = shapeOf({ left: parts.left, right: parts.right })
  const same =
    shape.terms === expected.terms &&
    shape.left.every((size, i) => size === expected.left[i]) &&
    shape.right.every((size, i) => size === expected.right[i])
  if (!same)
    throw new ShapeError({
      operation: "kroneckerWeight.withTensors",
      reason: `the weight has ${expected.terms} terms of [${expected.left}] (x) [${expected.right}]`,
      shapes: [parts.left.shape, parts.right.shape]
    })
  return shape
}

/** x W, or x Wᵀ. The permutations act on x and the product where these are contracted, on W where it is expanded. */
const product = (t: Operations, x: Tensor, sum: KroneckerSum, transposed: boolean, bias?: Tensor): Tensor => {
  const { left, right, tables } = sum
  const shape = transposed ? transposedShape(sum.shape) : sum.shape
  const order = cheapestOrder(shape, x.shape[0], permutedSides(tables, transposed))
  if (order === "dense-first") {
    const { matrix, isTransposed } = expand(t, sum)
    return transposed === isTransposed
      ? t.linear(x, matrix, bias)
      : plus(t, t.matmul(x, matrix, { transposeB: true }), bias)
  }
  const [before, after] = transposed ? [tables.columns, tables.rows] : [tables.rows, tables.columns]
  const ordered = before.permutation === undefined ? x : takeColumns(t, x, before.permutation.order)
  const contract = order === "left-first" ? contractLeftFirst : contractRightFirst
  const y = contract(t, ordered, { left, right, transposed })
  return plus(t, after.permutation === undefined ? y : takeColumns(t, y, after.permutation.position), bias)
}

const plus = (t: Operations, y: Tensor, bias: Tensor | undefined): Tensor =>
  bias === undefined ? y : t.add(y, bias)

const permutationOf = (length: number): IndexLayout => ({ length, problem: permutationProblem })

const Size = Schema.Int.check(Schema.isGreaterThan(0))
const Pair = Schema.Tuple([Size, Size])
const Description = Schema.Struct({
  terms: Size,
  left: Pair,
  right: Pair,
  permutedRows: Schema.Boolean,
  permutedColumns: Schema.Boolean
})

/**
 * Kronecker weights in files: "left", "right", and the permutations that are not the identity as "rows" and "columns"; the
 * configuration says the terms, the factors' sizes, and which permutations there are.
 */
export const kroneckerCodec: WeightCodec = {
  format: "kronecker",
  describe: ({ tensors: { left, right }, indices }) => ({
    terms: left.shape[0],
    left: left.shape.slice(1),
    right: right.shape.slice(1),
    permutedRows: indices.rows !== undefined,
    permutedColumns: indices.columns !== undefined
  }),
  layout: (description, inputs, outputs) =>
    Result.flatMap(decodeDescription(Description, description), ({ terms, left, right, ...permuted }) => {
      const [rows, columns] = [left[0] * right[0], left[1] * right[1]]
      if (rows !== inputs || columns !== outputs)
        return Result.fail(`[${left}] (x) [${right}] is [${rows}, ${columns}], not [${inputs}, ${outputs}]`)
      return Result.succeed({
        tensors: { left: [terms, ...left], right: [terms, ...right] },
        indices: {
          ...(permuted.permutedRows && { rows: permutationOf(rows) }),
          ...(permuted.permutedColumns && { columns: permutationOf(columns) })
        },
        assemble: (t, tensors, indices) =>
          kroneckerWeight(t, { left: tensors.left, right: tensors.right, ...indices })
      })
    })
}
