import { Effect } from "effect"
import { Backend, type Factorizations, type NumericalError } from "../../Tensor/index.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import { attempt } from "../Errors.ts"
import type { Design } from "./Design.ts"
import { regressionKernel } from "./wasm/RegressionKernel.ts"

/** What a regression's data leave to its prior; `message` says which columns, and what the numbers are then worth. */
export interface Unidentified {
  readonly kind: "collinearColumns" | "separatedLabels"
  readonly message: string
}

/** Eigenvalues of the columns' correlations below this are zeros. */
const negligible = 1e-10

/** Precision of the prior with which separation is looked for: next to nothing beside the data. */
const faint = 1e-8

/** The columns with the largest shares in a direction, four at most. */
const mainColumns = (names: ReadonlyArray<string>, direction: Float64Array): string => {
  const most = direction.reduce((size, x) => Math.max(size, Math.abs(x)), 0)
  const main = names
    .map((name, j) => ({ name, size: Math.abs(direction[j]) }))
    .filter(({ size }) => size > 0.1 * most)
    .toSorted((a, b) => b.size - a.size)
  return main.length > 4
    ? `${main
        .slice(0, 4)
        .map(({ name }) => name)
        .join(", ")} and ${main.length - 4} more`
    : main.map(({ name }) => name).join(", ")
}

/** X' diag(weights) X + ridge I: [columns, columns] */
const weightedGram = (
  { rows, columns, values }: Design,
  host: Factorizations,
  weights: Float64Array,
  ridge: number
): Float64Array => {
  const weighted = new Float64Array(values.length)
  for (let j = 0; j < columns; j++)
    for (let i = 0; i < rows; i++) weighted[j * rows + i] = values[j * rows + i] * weights[i]
  const gram = host.multiply(weighted, values, columns, rows, columns, { transposeB: true })
  for (let j = 0; j < columns; j++) gram[j * columns + j] += ridge
  return gram
}

const collinear = (design: Design, host: Factorizations): ReadonlyArray<Unidentified> => {
  const { rows, columns, names, values } = design
  const gram = host.multiply(values, values, columns, rows, columns, { transposeB: true })
  const scales = Float64Array.from({ length: columns }, (_, j) => 1 / Math.sqrt(gram[j * columns + j]))
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++) gram[i * columns + j] *= scales[i] * scales[j]
  const { values: eigenvalues, vectors } = host.eigh(gram, columns)
  const directions = eigenvalues.reduce((count, value) => count + (value < negligible ? 1 : 0), 0)
  if (directions === 0) return []
  const direction = Float64Array.from({ length: columns }, (_, j) => vectors[j * columns])
  const which =
    columns > rows
      ? `${columns} columns have only ${rows} rows`
      : directions === 1
        ? `columns are linearly dependent (${mainColumns(names, direction)})`
        : `${directions} columns are linearly dependent on others (${mainColumns(names, direction)} among them)`
  return [
    {
      kind: "collinearColumns",
      message: `${which}: the data do not say how the effect is shared among them, the prior alone does; leave columns out, or read their sum only`
    }
  ]
}

/**
 * The direction in which the likelihood of a logistic regression has no maximum: at the mode theta under a prior of a next to nothing precision p, d theta / d log(1 / p) =
 * p H^-1 theta, which goes to zero with p unless the mode runs off.
 */
const runaway = (design: Design, host: Factorizations) =>
  Effect.gen(function* () {
    const pause = timeSlice()
    const { rows, columns } = design
    const { theta, score, eta, logistic, predict } = regressionKernel(design, "labels")
    let at = new Float64Array(columns)
    const valueAt = (x: Float64Array): number => {
      theta.set(x)
      return logistic() - x.reduce((sum, one) => sum + 0.5 * faint * one * one, 0)
    }
    const hessian = (): Float64Array => {
      predict()
      const weights = Float64Array.from({ length: rows }, (_, i) => {
        const decay = Math.exp(-Math.abs(eta[i]))
        return decay / (1 + decay) ** 2
      })
      return weightedGram(design, host, weights, faint)
    }
    let value = valueAt(at)
    for (let iteration = 0; iteration < 100; iteration++) {
      valueAt(at)
      const gradient = score.map((one, j) => one - faint * at[j])
      const move = host.solve(hessian(), columns, gradient, 1)
      const rise = move.reduce((sum, one, j) => sum + one * gradient[j], 0)
      let step = 1
      let next = at
      let reached = value
      for (; step > 1e-6; step /= 2) {
        next = at.map((one, j) => one + step * move[j])
        reached = valueAt(next)
        if (reached >= value) break
      }
      if (step <= 1e-6) break
      at = next
      value = reached
      yield* pause
      if (rise < 1e-12) break
    }
    theta.set(at)
    const direction = host.solve(
      hessian(),
      columns,
      at.map((one) => faint * one),
      1
    )
    theta.set(direction)
    predict()
    // How much further on its own side each row gets: the kernel's rows have the signs of their labels.
    return { direction, margins: eta.slice() }
  })

/**
 * What the data of a regression with two outcomes leave to its prior: columns that depend on each other, and labels that a combination of the columns separates, wholly or but
 * for rows that lie between (Albert and Anderson 1984: there is no maximum of the likelihood, and without a prior no posterior).
 *
 * @example
 * const unidentified = yield* unidentifiedBy(design)
 */
export const unidentifiedBy = (
  design: Design
): Effect.Effect<ReadonlyArray<Unidentified>, NumericalError, Backend> =>
  Effect.gen(function* () {
    const { factorizations: host } = yield* Backend
    const dependent = yield* attempt<NumericalError>()(() => collinear(design, host))
    const { direction, margins } = yield* runaway(design, host)
    const [least, most] = margins.reduce(
      ([low, high], margin) => [Math.min(low, margin), Math.max(high, margin)] as const,
      [Infinity, -Infinity] as const
    )
    // In the limit of no prior the rows that bound the gap gain 1, those that lie between nothing.
    if (!(most > 0.5 && least > -0.1)) return dependent
    const settled = margins.reduce((count, margin) => count + (margin > 0.3 ? 1 : 0), 0)
    const message = `the data are separable: a combination of the columns (mostly ${mainColumns(design.names, direction)}) tells ${
      settled === margins.length ? "all labels" : `the labels of ${settled} of ${margins.length} rows`
    } apart, so that the likelihood has no maximum; how large these coefficients are is the prior's doing, and another prior gives others`
    return [...dependent, { kind: "separatedLabels", message }]
  })
