import { Effect } from "effect"
import { Kronecker } from "../../Kronecker/index.ts"
import type { Gpt2 } from "../../Model/Gpt2.ts"
import { fold, type Key } from "../../Random/index.ts"
import { Backend, type TensorError } from "../../Tensor/index.ts"
import { squaredErrorIn } from "../../Weight/index.ts"
import { numbersOf } from "../Calibration.ts"
import { type Candidate, kroneckerPlans } from "./Candidates.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"
import { type KroneckerPlan, storedParameters } from "../Plan.ts"
import { fitWeight } from "../Replace.ts"

/** Rounds and swaps of the searches by which an error is foretold; the fit that follows takes its time. */
const quick = { rounds: 2, swaps: 20_000 }
/** Layers in which a kind of weight is tried: of large matrices, whose searches take half a minute, the middle one. */
const layersTried = { most: 3, ofLarge: 1, large: 1 << 20 }

/** One kind of weight, such as "mlp.c_fc", in the layers' order. */
type Kind = ReadonlyArray<MeasuredWeight>

/**
 * Kronecker sums for the weights of the layers, with errors found by short searches in a few layers of each kind; between these, the error
 * is foretold from its ratio to that of the low rank of the same size. By the weights' names.
 */
export const kroneckerCandidates = Effect.fn("Compress.kroneckerCandidates")(function* <E = never, R = never>(
  model: Gpt2,
  weights: ReadonlyArray<MeasuredWeight>,
  key: Key,
  observe: (name: string, share: number) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<
  Readonly<Record<string, ReadonlyArray<Candidate>>>,
  TensorError | E,
  Backend | Kronecker | R
> {
  const kinds = kindsOf(weights).map((kind) => ({ kind, layers: layersToTry(kind) }))
  const trials = kinds.flatMap(({ kind, layers }) => layers.map((layer) => kind[layer].name))
  const found: Record<string, Array<Candidate>> = {}
  let done = 0
  for (const { kind, layers } of kinds) {
    const plans = kroneckerPlans(kind[0].inputs, kind[0].outputs)
    const ratios: Array<ReadonlyArray<number>> = []
    for (const layer of layers) {
      const weight = kind[layer]
      const errors: Array<number> = []
      for (const plan of plans) errors.push(yield* trialError(model, weight, plan, key))
      ratios.push(plans.map((plan, i) => errors[i] / lowRankError(weight, plan)))
      yield* observe(weight.name, ++done / trials.length)
    }
    kind.forEach((weight, layer) => {
      found[weight.name] = plans.map((plan, i) => ({
        plan,
        storedParameters: storedParameters(plan, [weight.inputs, weight.outputs]),
        squaredError: Math.min(
          1,
          lowRankError(weight, plan) *
            interpolated(
              layers,
              ratios.map((one) => one[i]),
              layer
            )
        )
      }))
    })
  }
  return found
})

const kindsOf = (weights: ReadonlyArray<MeasuredWeight>): ReadonlyArray<Kind> => {
  const kinds = new Map<string, Array<MeasuredWeight>>()
  for (const weight of weights) {
    const kind = /^h\.\d+\.(.*)$/.exec(weight.name)?.[1]
    if (kind === undefined || kroneckerPlans(weight.inputs, weight.outputs).length === 0) continue
    kinds.set(kind, [...(kinds.get(kind) ?? []), weight])
  }
  return [...kinds.values()]
}

const layersToTry = (kind: Kind): ReadonlyArray<number> => {
  const [{ inputs, outputs }] = kind
  const most = inputs * outputs >= layersTried.large ? layersTried.ofLarge : layersTried.most
  const count = Math.min(most, kind.length)
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? Math.floor(kind.length / 2) : Math.round((i * (kind.length - 1)) / (count - 1))
  )
}

/** The error of the low rank that stores as many numbers; never 0, for ratios to it. */
const lowRankError = ({ inputs, outputs, lost }: MeasuredWeight, plan: KroneckerPlan): number =>
  Math.max(Number.EPSILON, lost(Math.floor(storedParameters(plan, [inputs, outputs]) / (inputs + outputs))))

const trialError = Effect.fnUntraced(function* (
  model: Gpt2,
  { name, weighting, metric, outputs }: MeasuredWeight,
  plan: KroneckerPlan,
  key: Key
): Effect.fn.Return<number, TensorError, Backend | Kronecker> {
  const { factorizations: host } = yield* Backend
  const weight = model.weights[name]
  const w = yield* numbersOf(weight)
  const fitted = yield* Effect.scoped(
    Effect.flatMap(
      fitWeight(
        name,
        weight,
        plan,
        { key: fold(key, "trial"), ...quick },
        { matrix: undefined, weighting, metric }
      ),
      numbersOf
    )
  )
  const norm = squaredErrorIn(weighting, metric, w, outputs, host)
  const difference = w.map((value, e) => value - fitted[e])
  return norm > 0 ? squaredErrorIn(weighting, metric, difference, outputs, host) / norm : 0
})

// Linear between the places (ascending) at which values are known, constant beyond.
const interpolated = (places: ReadonlyArray<number>, values: ReadonlyArray<number>, at: number): number => {
  const next = places.findIndex((place) => place >= at)
  if (next <= 0) return next < 0 ? values[values.length - 1] : values[0]
  const share = (at - places[next - 1]) / (places[next] - places[next - 1])
  return values[next - 1] * (1 - share) + values[next] * share
}
