import { Effect } from "effect"
import { TensorTrainOptionError } from "./Errors.ts"

/** How far a tensor may be shortened: in the relative error of the whole, in rank, or both. */
export interface Accuracy {
  /** eps >= 0: ||A - TT|| <= eps ||A|| in the Frobenius norm, as far as `maxRank` allows; default 1e-10. */
  readonly tolerance?: number | undefined
  /** No rank above this, or r_1, ..., r_{d-1} above these; default none. With `tolerance: 0` these are the ranks. */
  readonly maxRank?: number | ReadonlyArray<number> | undefined
}

export const defaultTolerance = 1e-10

/** Refuses a negative tolerance, and what are no ranks for so many modes. */
export const checkAccuracy = (
  operation: string,
  { tolerance = defaultTolerance, maxRank = 1 }: Accuracy,
  modes: number
): Effect.Effect<void, TensorTrainOptionError> => {
  const wrong = (option: string, value: unknown, expected: string) =>
    Effect.fail(new TensorTrainOptionError({ operation, option, value, expected }))
  if (!(tolerance >= 0)) return wrong("tolerance", tolerance, "at least 0")
  if (typeof maxRank === "number")
    return isRank(maxRank) ? Effect.void : wrong("maxRank", maxRank, "a whole number of at least 1")
  return maxRank.length === modes - 1 && maxRank.every(isRank)
    ? Effect.void
    : wrong(
        "maxRank",
        `[${maxRank.join(", ")}]`,
        `${modes - 1} whole numbers of at least 1, for ${modes} modes`
      )
}

const isRank = (value: number): boolean => value >= 1 && (Number.isInteger(value) || value === Infinity)

/** What r_k may be, k = 1..d-1. */
export const largestRankAt = (maxRank: Accuracy["maxRank"], k: number): number =>
  typeof maxRank === "object" ? maxRank[k - 1] : (maxRank ?? Number.POSITIVE_INFINITY)

/**
 * The smallest rank, at least 1, whose discarded singular values (descending) have a sum of squares of at most `allowance`,
 * and that sum.
 */
export const rankWithin = (
  singularValues: ArrayLike<number>,
  allowance: number,
  maxRank: number
): { readonly rank: number; readonly discarded: number } => {
  let rank = singularValues.length
  let discarded = 0
  while (rank > 1) {
    const next = discarded + singularValues[rank - 1] ** 2
    if (next > allowance && rank <= maxRank) break
    discarded = next
    rank--
  }
  return { rank, discarded }
}

/**
 * Shares eps² ||A||² among the truncations of a sweep. The errors of the d - 1 truncations are orthogonal, so their squares add
 * up (Oseledets, 2011, theorem 2.2); what one leaves unused the later ones may use.
 */
export class ErrorBudget {
  #left: number
  #truncations: number

  constructor(squaredError: number, truncations: number) {
    this.#left = squaredError
    this.#truncations = truncations
  }

  /** What the next truncation may discard, as a sum of squares. */
  get allowance(): number {
    return Math.max(0, this.#left) / Math.max(1, this.#truncations)
  }

  spend(squaredError: number): void {
    this.#left -= squaredError
    this.#truncations--
  }
}
