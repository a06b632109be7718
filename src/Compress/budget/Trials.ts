import { Effect } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import type { Gpt2 } from "../../Model/Gpt2.ts"
import { fold, type Key } from "../../Random/index.ts"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { squaredErrorIn, type Weight } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import { type KroneckerPlan, storedParameters } from "../Plan.ts"
import { fitWeight } from "../Replace.ts"
import { type Candidate, kroneckerPlans, ranksBeside } from "./Candidates.ts"
import type { MeasuredWeight, WeightMetrics } from "./MeasuredWeight.ts"
import type { Survey } from "./Survey.ts"
import { kindsOf, layersToTry } from "./TriedWeights.ts"

/** Rounds and swaps of the searches by which an error is foretold, from W's own order and from another's; the fit that follows takes its time. */
const search = { swaps: 20_000, rounds: { first: 2, next: 1 } }

/**
 * Kronecker sums, alone and with low ranks beside them, with errors found by short searches in a few layers of each kind; between these layers
 * and sizes, the error is foretold from its ratio to that of the low rank of the same size. By the weights' names.
 */
export const kroneckerCandidates = Effect.fn("Compress.kroneckerCandidates")(function* <E = never, R = never>(
  model: Gpt2,
  { weights, metrics }: Survey,
  key: Key,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<
  Readonly<Record<string, ReadonlyArray<Candidate>>>,
  TensorError | E,
  Backend | Kronecker | R
> {
  const kinds = kindsOf(weights).map((kind) => ({ kind, layers: layersToTry(kind) }))
  const trials = kinds.reduce((sum, { layers }) => sum + layers.length, 0)
  const found: Record<string, Array<Candidate>> = {}
  let done = 0
  for (const { kind, layers } of kinds) {
    const plans = kroneckerPlans(kind[0])
    const ratios: Array<ReadonlyArray<number>> = []
    for (const layer of layers) {
      const weight = kind[layer]
      const errors = yield* trialErrors(model, weight, metrics[weight.name], plans, key)
      ratios.push(plans.map((plan, i) => errors[i] / lowRankError(weight, plan)))
      yield* observe(weight.name, ++done / trials)
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

/** ratios: of each plan's error to that of the low rank of its size. Sums are offered in all sizes between too. */
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
  const alone = known
    .filter(({ plan }) => plan.rank === undefined)
    .toSorted((a, b) => a.plan.terms - b.plan.terms)
  const beside = known
    .flatMap(({ plan, ratio }) => (plan.rank === undefined ? [] : [{ plan, rank: plan.rank, ratio }]))
    .toSorted((a, b) => a.rank - b.rank)
  const ratioAt = (places: ReadonlyArray<number>, of: ReadonlyArray<{ readonly ratio: number }>, at: number) =>
    interpolated(
      places,
      of.map(({ ratio }) => ratio),
      at
    )
  const terms = alone.map(({ plan }) => plan.terms)
  const [fewest, most] = [terms[0], terms[terms.length - 1]]
  const sums = Array.from({ length: most - fewest + 1 }, (_, i) =>
    candidate({ ...alone[0].plan, terms: fewest + i }, ratioAt(terms, alone, fewest + i))
  )
  const ranks = beside.map(({ rank }) => rank)
  const between =
    beside.length === 0
      ? []
      : ranksBeside(weight, beside[0].plan).map((rank) =>
          candidate({ ...beside[0].plan, rank }, ratioAt(ranks, beside, rank))
        )
  return [...sums, ...between]
}

/** The error of the low rank that stores as many numbers; never 0, for ratios to it. */
const lowRankError = ({ inputs, outputs, lost }: MeasuredWeight, plan: KroneckerPlan): number =>
  Math.max(Number.EPSILON, lost(Math.floor(storedParameters(plan, [inputs, outputs]) / (inputs + outputs))))

/** The plans are of one pair of sizes: what one search has arranged, the next sets out from. */
const trialErrors = Effect.fnUntraced(function* (
  model: Gpt2,
  { name, outputs }: MeasuredWeight,
  { weighting, metric }: WeightMetrics,
  plans: ReadonlyArray<KroneckerPlan>,
  key: Key
): Effect.fn.Return<ReadonlyArray<number>, TensorError, Backend | Kronecker> {
  const { factorizations: host } = yield* Backend
  const weight = model.weights[name]
  const w = yield* numbersOf(weight)
  const norm = squaredErrorIn(weighting, metric, w, outputs, host)
  const errors: Array<number> = []
  let start: Weight["indices"] | undefined
  for (const plan of plans) {
    const { swaps, rounds } = search
    const options = {
      key: fold(key, "trial"),
      swaps,
      rounds: start === undefined ? rounds.first : rounds.next,
      start
    }
    const fitted = yield* Effect.scoped(
      Effect.gen(function* () {
        const approximation = yield* fitWeight(name, weight, plan, options, {
          matrix: undefined,
          weighting,
          metric
        })
        start ??= approximation.indices
        return yield* numbersOf(approximation)
      })
    )
    for (let e = 0; e < fitted.length; e++) fitted[e] = w[e] - fitted[e]
    errors.push(norm > 0 ? squaredErrorIn(weighting, metric, fitted, outputs, host) / norm : 0)
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
