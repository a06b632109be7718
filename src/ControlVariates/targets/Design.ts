import { Effect } from "effect"
import { Backend, type Factorizations, type NumericalError } from "../../Tensor/index.ts"
import { attempt, TargetError } from "../Errors.ts"

/** Data of a regression with two outcomes, checked. */
export interface Design {
  readonly rows: number
  readonly columns: number
  readonly names: ReadonlyArray<string>
  /** Column after column, each [rows]: what the loops of a regression run along. */
  readonly values: Float64Array
  /** 0 or 1: [rows] */
  readonly labels: Float64Array
}

export interface DesignOptions {
  readonly names?: ReadonlyArray<string> | undefined
  /** A first column of ones; default true. */
  readonly intercept?: boolean | undefined
  /** "whiten": X (X'X)^(-1/2), so that the columns are orthonormal; "standardise": mean 0 and variance 1; default "none". */
  readonly scale?: "none" | "standardise" | "whiten" | undefined
}

const fail = (reason: string): never => {
  throw new TargetError({ target: "regression data", reason })
}

const columnsOf = (
  rows: ReadonlyArray<ReadonlyArray<number>>,
  labels: ReadonlyArray<number>,
  options: DesignOptions
): Design => {
  const { intercept = true, names: given } = options
  if (rows.length === 0 || rows.length !== labels.length)
    fail(`${rows.length} rows and ${labels.length} labels; at least one, and equally many, are needed`)
  const inputs = rows[0].length
  const first = intercept ? 1 : 0
  const columns = inputs + first
  const values = new Float64Array(columns * rows.length).fill(1)
  rows.forEach((row, i) => {
    if (row.length !== inputs) fail(`row ${i} has ${row.length} numbers, the first has ${inputs}`)
    row.forEach((x, j) => {
      if (!Number.isFinite(x)) fail(`row ${i}, column ${j} is ${x}`)
      values[(j + first) * rows.length + i] = x
    })
  })
  const bad = labels.findIndex((y) => y !== 0 && y !== 1)
  if (bad >= 0) fail(`the label of row ${bad} is ${labels[bad]}; labels are 0 or 1`)
  const ones = labels.filter((y) => y === 1).length
  if (ones === 0 || ones === labels.length)
    fail(
      `all ${labels.length} labels are ${labels[0]}: the data are separable, and say nothing but the prior`
    )
  const names = [...(intercept ? ["intercept"] : []), ...(given ?? rows[0].map((_, j) => `x${j + 1}`))]
  if (names.length !== columns) fail(`${names.length - first} names for ${inputs} columns`)
  return { rows: rows.length, columns, names, values, labels: Float64Array.from(labels) }
}

const standardised = (design: Design): Float64Array => {
  const { rows, columns, values, names } = design
  const result = values.slice()
  for (let j = 0; j < columns; j++) {
    if (names[j] === "intercept") continue
    const column = result.subarray(j * rows, (j + 1) * rows)
    const mean = column.reduce((sum, x) => sum + x / rows, 0)
    const deviation = Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2 / rows, 0))
    if (!(deviation > 0)) fail(`column ${names[j]} is constant; leave it out`)
    for (let i = 0; i < rows; i++) column[i] = (column[i] - mean) / deviation
  }
  return result
}

/** X (X'X)^(-1/2), by the eigenvectors of X'X. */
const whitened = (design: Design, host: Factorizations): Float64Array => {
  const { columns, rows, values: x } = design
  const gram = new Float64Array(columns * columns)
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++)
      for (let r = 0; r < rows; r++) gram[i * columns + j] += x[i * rows + r] * x[j * rows + r]
  const { values, vectors } = host.eigh(gram, columns)
  if (!(values[0] > 1e-12 * values[columns - 1]))
    fail(
      `the columns are collinear: the smallest eigenvalue of X'X is ${values[0]}, the largest ${values[columns - 1]}; leave one out`
    )
  const root = new Float64Array(columns * columns)
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < columns; k++)
        root[i * columns + j] += (vectors[i * columns + k] * vectors[j * columns + k]) / Math.sqrt(values[k])
  return host.multiply(root, x, columns, columns, rows)
}

/**
 * Regression data from rows [rows, inputs] and labels 0 or 1. Fails with `TargetError` for ragged rows, numbers that are not finite,
 * other labels, labels of one kind only, constant or (to be whitened) collinear columns.
 */
export const makeDesign = (
  rows: ReadonlyArray<ReadonlyArray<number>>,
  labels: ReadonlyArray<number>,
  options: DesignOptions = {}
): Effect.Effect<Design, TargetError | NumericalError, Backend> =>
  Effect.gen(function* () {
    const { factorizations } = yield* Backend
    const design = yield* attempt<TargetError>()(() => columnsOf(rows, labels, options))
    const { scale = "none" } = options
    if (scale === "none") return design
    return yield* attempt<TargetError | NumericalError>()(() => ({
      ...design,
      values: scale === "whiten" ? whitened(design, factorizations) : standardised(design)
    }))
  })
