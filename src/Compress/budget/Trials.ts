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
import { lostStoring, type MeasuredWeight, type WeightMetrics } from "./MeasuredWeight.ts"
import { type Predictions, predictionsOf } from "./Divergence.ts"
import { boundedMultiple, divergenceAlone, type Sensitivity } from "./Sensitivity.ts"
import type { Survey } from "./Survey.ts"
import { kindsOf, layersToTry } from "./TriedWeights.ts"

/** Rounds and swaps of the searches by which an error is foretold, from W's own order and from another's; the fit that follows has more rounds. */
const search = { swaps: 20_000, rounds: { first: 2, next: 1 } }

/** Kronecker sums by the weights' names. */
export type TriedSums = Readonly<Record<string, ReadonlyArray<Candidate>>>

/**
 * Kronecker sums, alone and with low ranks beside them, tried in a few layers of each kind by short searches: what they lose, and how far the
 * whole model's predictions of the survey's validation text move, which is less or more than by low ranks that lose as much. Between these layers
 * and sizes both are foretold from their ratios to those of the low rank of the same size.
 */
export const kroneckerCandidates = Effect.fn("Compress.kroneckerCandidates")(function* <E = never, R = never>(
  model: Gpt2,
  { weights, sensitivities, metrics, validation }: Survey,
  key: Key,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<TriedSums, TensorError | E, Backend | Kronecker | R> {
  const known = weights.map((weight, i): FeltWeight => ({ ...weight, felt: sensitivities[i] }))
  const kinds = kindsOf(known).map((kind) => ({ kind, layers: layersToTry(kind) }))
  const trials = kinds.reduce((sum, { layers }) => sum + layers.length, 0)
  const found: Record<string, Array<Candidate>> = {}
  let done = 0
  yield* Effect.scoped(
    Effect.gen(function* () {
      const predictions = yield* predictionsOf(model, validation)
      for (const { kind, layers } of kinds) {
        const plans = kroneckerPlans(kind[0])
        const ratios: Array<ReadonlyArray<Ratios>> = []
        for (const layer of layers) {
          const weight = kind[layer]
          ratios.push(yield* triedRatios(model, weight, metrics[weight.name], plans, predictions, key))
          yield* observe(weight.name, ++done / trials)
        }
        kind.forEach((weight, layer) => {
          const own = plans.map((_, i) =>
            ratiosAt(
              layers.map((place, at) => ({ place, ratios: ratios[at][i] })),
              layer
            )
          )
          found[weight.name] = candidatesOf(weight, plans, own)
        })
      }
    })
  )
  return found
})

/** A weight, and how much its error is felt. */
type FeltWeight = MeasuredWeight & { readonly felt: Sensitivity }

/** Of a Kronecker sum to the low rank that stores as many numbers. */
interface Ratios {
  /** Of the squared errors. */
  readonly error: number
  /** Of the divergences. */
  readonly divergence: number
}

/** ratios: one for each plan. Sums are offered in all sizes between too. */
const candidatesOf = (
  weight: FeltWeight,
  plans: ReadonlyArray<KroneckerPlan>,
  ratios: ReadonlyArray<Ratios>
): Array<Candidate> => {
  const shape = [weight.inputs, weight.outputs] as const
  const candidate = (plan: KroneckerPlan, { error, divergence }: Ratios): Candidate => {
    const ofLowRank = lowRankError(weight, plan)
    const squaredError = Math.min(1, ofLowRank * error)
    const severity = divergence * ratio(weight.felt(ofLowRank), weight.felt(squaredError))
    return {
      plan,
      storedParameters: storedParameters(plan, shape),
      squaredError,
      severity: boundedMultiple(severity)
    }
  }
  const known = plans.map(({ rank, ...plan }, i) => ({ plan, rank, ratios: ratios[i] }))
  const alone = known
    .flatMap((one) => (one.rank === undefined ? [{ ...one, place: one.plan.terms }] : []))
    .toSorted(ascending)
  const beside = known
    .flatMap((one) => (one.rank === undefined ? [] : [{ ...one, place: one.rank }]))
    .toSorted(ascending)
  const [fewest, mostTerms] = [alone[0].place, alone[alone.length - 1].place]
  const sums = Array.from({ length: mostTerms - fewest + 1 }, (_, i) => fewest + i).map((terms) =>
    candidate({ ...alone[0].plan, terms }, ratiosAt(alone, terms))
  )
  if (beside.length === 0) return sums
  const [{ plan: one }] = beside
  const ranks = ranksBeside(weight, one)
  return [...sums, ...ranks.map((rank) => candidate({ ...one, rank }, ratiosAt(beside, rank)))]
}

/** Where nothing is felt of either, there is nothing to tell them apart. */
const ratio = (one: number, other: number): number => (other > 0 ? one / other : 1)

/** The error of the low rank that stores as many numbers; never 0, for ratios to it. */
const lowRankError = (weight: MeasuredWeight, plan: KroneckerPlan): number =>
  Math.max(Number.EPSILON, lostStoring(weight, storedParameters(plan, [weight.inputs, weight.outputs])))

/** The plans are of one pair of sizes: what one search has arranged, the next sets out from. */
const triedRatios = Effect.fnUntraced(function* (
  model: Gpt2,
  weight: FeltWeight,
  metrics: WeightMetrics,
  plans: ReadonlyArray<KroneckerPlan>,
  predictions: Predictions,
  key: Key
): Effect.fn.Return<ReadonlyArray<Ratios>, TensorError, Backend | Kronecker> {
  const { factorizations: host } = yield* Backend
  const { name, outputs } = weight
  const { weighting, metric } = metrics
  const own = model.weights[name]
  const matrix = yield* numbersOf(own)
  const norm = squaredErrorIn(weighting, metric, matrix, outputs, host)
  const found: Array<Ratios> = []
  let start: Weight["indices"] | undefined
  for (const plan of plans) {
    const { swaps, rounds } = search
    const options = {
      key: fold(key, "trial"),
      swaps,
      rounds: start === undefined ? rounds.first : rounds.next,
      start
    }
    const { fitted, divergence } = yield* Effect.scoped(
      Effect.gen(function* () {
        const approximation = yield* fitWeight(name, own, plan, options, {
          matrix: undefined,
          weighting,
          metric
        })
        start ??= approximation.indices
        return {
          fitted: yield* numbersOf(approximation),
          divergence: yield* divergenceAlone(model, name, { matrix, metrics }, approximation, predictions)
        }
      })
    )
    for (let e = 0; e < fitted.length; e++) fitted[e] = matrix[e] - fitted[e]
    const error = norm > 0 ? squaredErrorIn(weighting, metric, fitted, outputs, host) / norm : 0
    const ofLowRank = lowRankError(weight, plan)
    found.push({ error: error / ofLowRank, divergence: ratio(divergence, weight.felt(ofLowRank)) })
  }
  return found
})

/** Ratios that are known at a layer, a number of terms or a rank. */
interface KnownRatios {
  readonly place: number
  readonly ratios: Ratios
}

const ascending = (a: KnownRatios, b: KnownRatios): number => a.place - b.place

// Linear between the places (ascending) at which ratios are known, constant beyond.
const ratiosAt = (known: ReadonlyArray<KnownRatios>, at: number): Ratios => {
  const next = known.findIndex(({ place }) => place >= at)
  if (next <= 0) return (next < 0 ? known[known.length - 1] : known[0]).ratios
  const [below, above] = [known[next - 1], known[next]]
  const share = (at - below.place) / (above.place - below.place)
  const of = (which: keyof Ratios) => below.ratios[which] * (1 - share) + above.ratios[which] * share
  return { error: of("error"), divergence: of("divergence") }
}
