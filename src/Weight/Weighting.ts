import { Effect } from "effect"
import { type Factorizations, NumericalError, ShapeError } from "../Tensor/index.ts"
import { indexOfNotFinite, lowerTiles } from "../Tensor/HostMatrix.ts"
import { hostTask } from "../Tensor/HostTask.ts"

/**
 * By what the error of an approximation W' of W [inputs, outputs] is measured.
 *
 * - `covariance`: C [inputs, inputs], symmetric and positive definite; the error is ||C^{1/2} (W - W')||, which for C = E[x xᵀ] is
 *   that of the outputs x W over the text that C was taken from.
 * - `rows`: one positive number a row, by which its error is multiplied, C = diag(rows²); sqrt(count + 1) for an embedding.
 */
export type Weighting = { readonly covariance: Float64Array } | { readonly rows: Float64Array }

/**
 * Fails with `ShapeError` for another size than the inputs', with `NumericalError` for numbers that are not finite, a covariance that
 * is not symmetric or not positive definite, and rows that are not positive.
 */
export const checkWeighting = (
  operation: string,
  weighting: Weighting,
  inputs: number,
  host: Factorizations
): Effect.Effect<void, ShapeError | NumericalError> =>
  Effect.andThen(
    checkSymmetric(operation, weighting, inputs),
    "rows" in weighting
      ? Effect.void
      : hostTask(() => void host.cholesky(weighting.covariance, inputs)).pipe(
          Effect.catch((error) =>
            Effect.fail(
              new NumericalError({
                operation,
                reason: `the covariance is not positive definite (${error.message}): a ridge of a hundredth of its mean diagonal is usual`
              })
            )
          )
        )
  )

/** `checkWeighting` but for whether a covariance is positive definite, which those see who take its root. */
export const checkSymmetric = (
  operation: string,
  weighting: Weighting,
  inputs: number
): Effect.Effect<void, ShapeError | NumericalError> => {
  const isFull = "covariance" in weighting
  const values = isFull ? weighting.covariance : weighting.rows
  const name = isFull ? "the covariance" : "the row weights"
  const expected = isFull ? inputs * inputs : inputs
  const wrong = (reason: string) =>
    Effect.fail(new NumericalError({ operation, reason: `${name} ${reason}` }))
  if (values.length !== expected)
    return Effect.fail(
      new ShapeError({
        operation,
        reason: `${name} must be ${isFull ? `[${inputs}, ${inputs}], ${expected} numbers` : `${inputs} numbers`}, not ${values.length}`,
        shapes: [[values.length]]
      })
    )
  const bad = indexOfNotFinite(values)
  const at = (e: number) => (isFull ? `[${Math.floor(e / inputs)}, ${e % inputs}]` : `${e}`)
  if (bad >= 0) return wrong(`has ${values[bad]} at ${at(bad)}`)
  if (!isFull) {
    const least = values.findIndex((value) => !(value > 0))
    return least < 0
      ? Effect.void
      : wrong(`must be positive; number ${least} is ${values[least]}: use sqrt(count + 1)`)
  }
  const skew = asymmetry(values, inputs)
  return skew < 0
    ? Effect.void
    : wrong(
        `is not symmetric: ${values[skew]} at ${at(skew)}, ${values[(skew % inputs) * inputs + Math.floor(skew / inputs)]} at its mirror image`
      )
}

const rounding = 1e-6

// Where c differs from its transpose by more than rounding, or -1.
const asymmetry = (c: Float64Array, n: number): number => {
  let largest = 0
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(c[i * n + i]))
  for (const { top, bottom, first, last } of lowerTiles(n))
    for (let i = top; i < bottom; i++)
      for (let j = first; j < Math.min(i, last); j++)
        if (Math.abs(c[i * n + j] - c[j * n + i]) > rounding * largest) return i * n + j
  return -1
}
