import { Effect } from "effect"
import { fold, stream } from "../../Random/index.ts"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"
import { crossStep, initCross, withPivot } from "./Cross.ts"
import { type CrossOptions, type CrossSettings, crossSettings } from "./CrossSettings.ts"
import { EvaluationBudgetError, type EvaluationError, type TensorTrainOptionError } from "../Errors.ts"
import { type BatchFunction, Evaluations } from "./Evaluations.ts"
import { evaluate } from "../Evaluation.ts"
import { zeros } from "../Arithmetic.ts"
import { round } from "../Rounding.ts"
import type { TensorTrain } from "../TensorTrain.ts"

/** One half-sweep of TT-cross. */
export interface CrossInfo {
  readonly halfSweeps: number
  /** Distinct evaluations so far. */
  readonly evaluations: number
  /** ||f - Y|| / ||f|| over the validation points. */
  readonly validationError: number
  readonly largestRank: number
}

export interface CrossApproximation {
  readonly train: TensorTrain
  /** Why it ended: the error reached, the budget spent, the half-sweeps done, or nothing new found in several of them. */
  readonly ended: "tolerance" | "budget" | "half-sweeps" | "stalled"
  readonly validationError: number
  readonly evaluations: number
  readonly history: ReadonlyArray<CrossInfo>
}

/** Half-sweeps without progress after which none is expected any more. */
const patience = 6

/** An error that is not below this share of the best one is no progress. */
const progressShare = 0.7

const smallestCutoff = 1e-15

/** What the half-sweeps have come to. */
interface Progress {
  readonly best: { readonly train: TensorTrain; readonly error: number } | undefined
  readonly largestRank: number
  readonly cutoff: number
  /** Half-sweeps since the error last fell, or a rank last rose. */
  readonly idle: number
}

/** Where neither the error falls nor a rank rises, what was cut off before is looked at more closely. */
const advance = (progress: Progress, train: TensorTrain, error: number): Progress => {
  const { best } = progress
  const improved = best === undefined || error < progressShare * best.error
  const grown = train.largestRank > progress.largestRank
  return {
    best: best === undefined || error < best.error ? { train, error } : best,
    largestRank: Math.max(progress.largestRank, train.largestRank),
    cutoff: improved || grown ? progress.cutoff : Math.max(smallestCutoff, progress.cutoff / 10),
    idle: improved || grown ? 0 : progress.idle + 1
  }
}

/** See `TensorTrains.fromFunction`. */
export const approximate = Effect.fnUntraced(function* <E, R>(
  modes: ReadonlyArray<number>,
  batchFunction: BatchFunction<E, R>,
  options: CrossOptions
): Effect.fn.Return<
  CrossApproximation,
  E | EvaluationError | EvaluationBudgetError | TensorTrainOptionError | TensorError,
  R | Backend
> {
  const settings = yield* crossSettings(modes, options)
  const { tolerance, key } = settings
  const { factorizations: host } = yield* Backend
  const evaluations = new Evaluations(batchFunction, modes.length, settings)
  const validation = yield* validationPoints(modes, settings, evaluations)
  const history: Array<CrossInfo> = []
  let progress: Progress = {
    best: undefined,
    largestRank: 0,
    cutoff: tolerance / (10 * Math.sqrt(modes.length)),
    idle: 0
  }
  let state = initCross({ ...settings, modes }, fold(key, "start"))
  let ended: CrossApproximation["ended"] | undefined
  while (ended === undefined) {
    const problem = { ...settings, modes, cutoff: progress.cutoff }
    const step = yield* crossStep(state, problem, evaluations, host).pipe(
      Effect.catchIf(
        (error) => progress.best !== undefined && error instanceof EvaluationBudgetError,
        () => Effect.undefined
      )
    )
    if (step === undefined) {
      ended = "budget"
      break
    }
    const [next, swept] = step
    const { error, worst } = compare(swept, validation)
    history.push({
      halfSweeps: next.halfSweeps,
      evaluations: evaluations.count,
      validationError: error,
      largestRank: swept.largestRank
    })
    progress = advance(progress, swept, error)
    // Half of the tolerance is left to the rounding.
    if (error <= tolerance / 2) ended = "tolerance"
    else if (progress.idle >= patience) ended = "stalled"
    else if (next.halfSweeps >= settings.maxHalfSweeps) ended = "half-sweeps"
    state = withPivot(next, worst)
  }
  const train = yield* round(progress.best?.train ?? zeros(modes), {
    tolerance: tolerance / 2,
    maxRank: settings.maxRank
  })
  return {
    train,
    ended,
    validationError: compare(train, validation).error,
    evaluations: evaluations.count,
    history
  }
})

interface Validation {
  /** [count, d] */
  readonly indices: Int32Array
  readonly values: Float64Array
}

const validationPoints = Effect.fnUntraced(function* <E, R>(
  modes: ReadonlyArray<number>,
  settings: CrossSettings,
  evaluations: Evaluations<E, R>
) {
  const random = stream(fold(settings.key, "validation"))
  const indices = new Int32Array(Math.min(sizeOf(modes), settings.validationPoints) * modes.length)
  for (let e = 0; e < indices.length; e++) indices[e] = random.integer(modes[e % modes.length])
  const entries = yield* evaluations.at(indices)
  return { indices, values: Float64Array.from(entries, (entry) => evaluations.cache.value(entry)) }
})

/** The error over the validation points, and the one where it is largest. */
const compare = (
  train: TensorTrain,
  { indices, values }: Validation
): { readonly error: number; readonly worst: Int32Array } => {
  const approximations = evaluate(train, indices)
  let [at, largest, squares, difference] = [0, 0, 0, 0]
  for (let row = 0; row < values.length; row++)
    largest = Math.max(largest, Math.abs(values[row]), Math.abs(approximations[row]))
  const scale = largest === 0 ? 1 : largest
  for (let row = 0; row < values.length; row++) {
    const apart = Math.abs(approximations[row] - values[row]) / scale
    if (apart > Math.abs(approximations[at] - values[at]) / scale) at = row
    difference += apart ** 2
    squares += (values[row] / scale) ** 2
  }
  const error =
    difference === 0 ? 0 : squares === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(difference / squares)
  const dimensions = train.modes.length
  return { error, worst: indices.slice(at * dimensions, (at + 1) * dimensions) }
}
