import { Effect } from "effect"
import { type Key, key as keyOf } from "../../Random/index.ts"
import { ShapeError } from "../../Tensor/index.ts"
import { TensorTrainOptionError } from "../Errors.ts"

export interface CrossOptions {
  /** Wanted relative error on the validation points, positive; default 1e-6. */
  readonly tolerance?: number | undefined
  /** Distinct evaluations at most, validation included; default 1e7. */
  readonly maxEvaluations?: number | undefined
  /** No rank above this; default none. */
  readonly maxRank?: number | undefined
  /** Half-sweeps at most; default 60. */
  readonly maxHalfSweeps?: number | undefined
  /** Random index rows to begin with; default 2. */
  readonly startingRank?: number | undefined
  /** Rows taken beyond the rank that is seen: at least so many, default 1, and at least this share of the rank, default 0.25. */
  readonly kick?: number | undefined
  readonly growth?: number | undefined
  /** Random points the error is measured at; default 256. */
  readonly validationPoints?: number | undefined
  /** Index rows handed to the function at once, at most; default 65536. */
  readonly batchSize?: number | undefined
  /** Decides the start and the validation points; default `key(0)`. */
  readonly key?: Key | undefined
}

/** The options, checked, with their defaults. */
export interface CrossSettings {
  readonly tolerance: number
  readonly budget: number
  readonly maxRank: number
  readonly maxHalfSweeps: number
  readonly startingRank: number
  readonly kick: number
  readonly growth: number
  readonly validationPoints: number
  readonly batchSize: number
  readonly key: Key
}

export const crossSettings = (
  modes: ReadonlyArray<number>,
  options: CrossOptions
): Effect.Effect<CrossSettings, TensorTrainOptionError | ShapeError> => {
  if (modes.length === 0 || modes.some((size) => !Number.isInteger(size) || size < 1))
    return Effect.fail(
      new ShapeError({
        operation: "TensorTrains.fromFunction",
        reason: "needs at least one mode, each a whole number of at least 1",
        shapes: [modes]
      })
    )
  const settings: CrossSettings = {
    tolerance: options.tolerance ?? 1e-6,
    budget: options.maxEvaluations ?? 1e7,
    maxRank: options.maxRank ?? Number.POSITIVE_INFINITY,
    maxHalfSweeps: options.maxHalfSweeps ?? 60,
    startingRank: options.startingRank ?? 2,
    kick: options.kick ?? 1,
    growth: options.growth ?? 0.25,
    validationPoints: options.validationPoints ?? 256,
    batchSize: options.batchSize ?? 65536,
    key: options.key ?? keyOf(0)
  }
  const limits = [
    ["tolerance", settings.tolerance > 0, "positive"],
    ["maxEvaluations", settings.budget >= 1, "at least 1"],
    ["maxRank", settings.maxRank >= 1, "at least 1"],
    ["maxHalfSweeps", settings.maxHalfSweeps >= 1, "at least 1"],
    [
      "startingRank",
      Number.isInteger(settings.startingRank) && settings.startingRank >= 1,
      "a whole number of at least 1"
    ],
    ["kick", Number.isInteger(settings.kick) && settings.kick >= 0, "a whole number of at least 0"],
    ["growth", settings.growth >= 0 && Number.isFinite(settings.growth), "at least 0"],
    [
      "validationPoints",
      Number.isInteger(settings.validationPoints) && settings.validationPoints >= 1,
      "a whole number of at least 1"
    ],
    [
      "batchSize",
      Number.isInteger(settings.batchSize) && settings.batchSize >= 1,
      "a whole number of at least 1"
    ]
  ] as const
  const wrong = limits.find(([, fits]) => !fits)
  return wrong === undefined
    ? Effect.succeed(settings)
    : Effect.fail(
        new TensorTrainOptionError({
          operation: "TensorTrains.fromFunction",
          option: wrong[0],
          value: options[wrong[0]],
          expected: wrong[2]
        })
      )
}
