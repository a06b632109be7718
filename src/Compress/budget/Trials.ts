import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import type { Gpt2 } from "../../Model/Gpt2.ts"
import { fold, type Key } from "../../Random/index.ts"
import type { Backend, TensorError } from "../../Tensor/index.ts"
import type { Weight } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import { type KroneckerPlan, storedParameters } from "../Plan.ts"
import { fitWeight } from "../Replace.ts"
import { type Candidate, kroneckerPlans, ranksBeside } from "./Candidates.ts"
import { type Predictions, predictionsOf } from "./Divergence.ts"
import type { MeasuredWeight, WeightMetrics } from "./MeasuredWeight.ts"
import { divergenceOfOne, errorFelt, type Sensitivity } from "./Sensitivity.ts"
import type { Survey } from "./Survey.ts"
import { kindsOf, layersToTry } from "./TriedWeights.ts"

/** Rounds and swaps of the searches by which an error is foretold, from W's own order and from another's; the fit that follows takes its time. */
const quick = { swaps: 20_000, rounds: { first: 2, next: 1 } }
/**
 * Kronecker sums, alone and with low ranks beside them, with what they cost found by short searches in a few layers of each kind, as errors of
 * low ranks that are felt as much; between these layers and sizes, the error is foretold from its ratio to that of the low rank of the same size. By the weights' names.
 */
export const kroneckerCandidates = Effect.fn("Compress.kroneckerCandidates")(function* <E = never, R = never>(
  model: Gpt2,
  { weights, sensitivities, metrics, judging }: Survey,
  key: Key,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<
  Readonly<Record<string, ReadonlyArray<Candidate>>>,
  TensorError | E,
  Backend | Kronecker | R
> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const predictions = yield* predictionsOf(model, judging)
      const kinds = kindsOf(weights.map((weight, i) => ({ ...weight, sensitivity: sensitivities[i] }))).map(
        (kind) => ({ kind, layers: layersToTry(kind) })
      )
      const trials = kinds.reduce((sum, { layers }) => sum + layers.length, 0)
      const found: Record<string, Array<Candidate>> = {}
      let done = 0
      for (const { kind, layers } of kinds) {
        const plans = kroneckerPlans(kind[0])
        const ratios: Array<ReadonlyArray<number>> = []
        for (const layer of layers) {
          const weight = kind[layer]
          const { name, sensitivity } = weight
          const errors = yield* trialErrors(model, name, metrics[name], sensitivity, predictions, plans, key)
          ratios.push(plans.map((plan, i) => errors[i] / lowRankError(weight, plan)))
          yield* observe(name, ++done / trials)
        }
        kind.forEach((weight, layer) => {
          const own = plans.map((_, i) =>
            interpolated(
              layers,
              ratios.map((one) => one[i]),
              layer
            )
          )
          found[weight.name] = candidatesOf(weight, plans, own)
        })
      }
      return found
    })
  )
})

/** ratios: of each plan's error to that of the low rank of its size. Sums with a low rank are offered in sizes between too. */
const candidatesOf = (
  weight: MeasuredWeight,
  plans: ReadonlyArray<KroneckerPlan>,
  ratios: ReadonlyArray<number>
): Array<Candidate> => {
  const shape = [weight.inputs, weight.outputs] as const
  const candidate = (plan: KroneckerPlan, ratio: number): Candidate => ({
    plan,
    storedParameters: storedParameters(plan, shape),
    squaredError: Math.min(1, lowRankError(weight, plan) * ratio)
  })
  const known = plans.map((plan, i) => ({ plan, ratio: ratios[i] }))
  const alone = known.filter(({ plan }) => plan.rank === undefined)
  const beside = known
    .flatMap(({ plan, ratio }) => (plan.rank === undefined ? [] : [{ plan, rank: plan.rank, ratio }]))
    .toSorted((a, b) => a.rank - b.rank)
  const places = beside.map(({ rank }) => rank)
  const values = beside.map(({ ratio }) => ratio)
  const between =
    beside.length === 0
      ? []
      : ranksBeside(weight, beside[0].plan).map((rank) =>
          candidate({ ...beside[0].plan, rank }, interpolated(places, values, rank))
        )
  return [...alone.map(({ plan, ratio }) => candidate(plan, ratio)), ...between]
}

/** The error of the low rank that stores as many numbers; never 0, for ratios to it. */
const lowRankError = ({ inputs, outputs, lost }: MeasuredWeight, plan: KroneckerPlan): number =>
  Math.max(Number.EPSILON, lost(Math.floor(storedParameters(plan, [inputs, outputs]) / (inputs + outputs))))

/**
 * What each plan, of one pair of sizes, costs this weight alone on text that its fit has not seen, as the error of the low rank that costs as much.
 * What one search has arranged, the next sets out from.
 */
const trialErrors = Effect.fnUntraced(function* (
  model: Gpt2,
  name: string,
  metrics: WeightMetrics,
  sensitivity: Sensitivity,
  predictions: Predictions,
  plans: ReadonlyArray<KroneckerPlan>,
  key: Key
): Effect.fn.Return<ReadonlyArray<number>, TensorError, Backend | Kronecker> {
  const weight = model.weights[name]
  const matrix = yield* numbersOf(weight)
  const errors: Array<number> = []
  let start: Weight["indices"] | undefined
  for (const plan of plans) {
    const { swaps, rounds } = quick
    const search = {
      key: fold(key, "trial"),
      swaps,
      rounds: start === undefined ? rounds.first : rounds.next,
      start
    }
    const felt = yield* Effect.scoped(
      Effect.gen(function* () {
        const approximation = yield* fitWeight(name, weight, plan, search, { matrix: undefined, ...metrics })
        start ??= approximation.indices
        return yield* divergenceOfOne(model, name, matrix, approximation, metrics, predictions)
      })
    )
    errors.push(errorFelt(sensitivity, felt))
  }
  return errors
})

// Linear between the places (ascending) at which values are known, constant beyond.
const interpolated = (places: ReadonlyArray<number>, values: ReadonlyArray<number>, at: number): number => {
  const next = places.findIndex((place) => place >= at)
  if (next <= 0) return next < 0 ? values[values.length - 1] : values[0]
  const share = (at - places[next - 1]) / (places[next] - places[next - 1])
  return values[next - 1] * (1 - share) + values[next] * share
}
