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
  /** What was done to the columns as given: X = (given - shift) map, [columns] and [columns, columns], row-major. */
  readonly scaling: { readonly shift: Float64Array; readonly map: Float64Array } | undefined
}

export interface DesignOptions {
  readonly names?: ReadonlyArray<string> | undefined
  /** A first column of ones; default true. */
  readonly intercept?: boolean | undefined
  /** "whiten": X (X'X)^(-1/2), so that the columns are orthonormal; "standardise": mean 0 and variance 1; default "none". */
  readonly scale?: "none" | "standardise" | "whiten" | undefined
  /** Scales as this design's columns were, for rows to predict; instead of `scale`. Labels of one kind are then allowed. */
  readonly like?: Design | undefined
}

const fail = (reason: string): never => {
  throw new TargetError({ target: "regression data", reason })
}

const columnsOf = (
  rows: ReadonlyArray<ReadonlyArray<number>>,
  labels: ReadonlyArray<number>,
  options: DesignOptions
): Design => {
  const { intercept = true, names: given, like } = options
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
  if (like === undefined && (ones === 0 || ones === labels.length))
    fail(
      `all ${labels.length} labels are ${labels[0]}: the data are separable, and say nothing but the prior`
    )
  const names = [...(intercept ? ["intercept"] : []), ...(given ?? rows[0].map((_, j) => `x${j + 1}`))]
  if (names.length !== columns) fail(`${names.length - first} names for ${inputs} columns`)
  const twice = names.find((name, j) => names.indexOf(name) !== j)
  if (twice !== undefined)
    fail(
      intercept && twice === names[0]
        ? `a column is named ${twice}, as the one of ones that is added; leave it out or give it another name`
        : `two columns are named ${twice}`
    )
  if (like !== undefined && like.columns !== columns)
    fail(`${columns} columns, and ${like.columns} in the design to scale like`)
  return {
    rows: rows.length,
    columns,
    names,
    values,
    labels: Float64Array.from(labels),
    scaling: undefined
  }
}

type Scaling = NonNullable<Design["scaling"]>

const standardising = ({ rows, columns, values, names }: Design): Scaling => {
  const shift = new Float64Array(columns)
  const map = new Float64Array(columns * columns)
  for (let j = 0; j < columns; j++) {
    map[j * columns + j] = 1
    if (names[j] === "intercept") continue
    const column = values.subarray(j * rows, (j + 1) * rows)
    shift[j] = column.reduce((sum, x) => sum + x / rows, 0)
    // By its largest deviation first, lest squares overflow or vanish.
    const most = column.reduce((size, x) => Math.max(size, Math.abs(x - shift[j])), 0)
    if (!(most > 1e-14 * Math.abs(shift[j]))) fail(`column ${names[j]} is constant; leave it out`)
    const deviation =
      most * Math.sqrt(column.reduce((sum, x) => sum + ((x - shift[j]) / most) ** 2 / rows, 0))
    map[j * columns + j] = 1 / deviation
    if (!(map[j * columns + j] > 0 && map[j * columns + j] < Infinity))
      fail(`column ${names[j]} has a standard deviation of ${deviation}: give it other units`)
  }
  return { shift, map }
}

/** (X'X)^(-1/2), by the eigenvectors of X'X. */
const whitening = ({ columns, rows, values: x }: Design, host: Factorizations): Scaling => {
  const gram = new Float64Array(columns * columns)
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++)
      for (let r = 0; r < rows; r++) gram[i * columns + j] += x[i * rows + r] * x[j * rows + r]
  const { values, vectors } = host.eigh(gram, columns)
  if (!(values[0] > 1e-12 * values[columns - 1]))
    fail(
      `the columns are collinear: the smallest eigenvalue of X'X is ${values[0]}, the largest ${values[columns - 1]}; leave one out`
    )
  const map = new Float64Array(columns * columns)
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < columns; k++)
        map[i * columns + j] += (vectors[i * columns + k] * vectors[j * columns + k]) / Math.sqrt(values[k])
  return { shift: new Float64Array(columns), map }
}

const scaled = (design: Design, scaling: Scaling): Design => {
  const { rows, columns, values } = design
  const { shift, map } = scaling
  const result = new Float64Array(values.length)
  for (let from = 0; from < columns; from++)
    for (let to = 0; to < columns; to++) {
      const factor = map[from * columns + to]
      if (factor === 0) continue
      for (let i = 0; i < rows; i++) result[to * rows + i] += factor * (values[from * rows + i] - shift[from])
    }
  return { ...design, values: result, scaling }
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
    const { scale = "none", like } = options
    if (like !== undefined) return like.scaling === undefined ? design : scaled(design, like.scaling)
    if (scale === "none") return design
    return yield* attempt<TargetError | NumericalError>()(() =>
      scaled(design, scale === "whiten" ? whitening(design, factorizations) : standardising(design))
    )
  })
