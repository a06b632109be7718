import { Effect, Scope } from "effect"
import { Kronecker, kroneckerWeight } from "../Kronecker/index.ts"
import { type Gpt2, weightSizes, withWeight } from "../Model/Gpt2.ts"
import { fold, type Key } from "../Random/index.ts"
import { type Backend, compute, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { fitMatrix } from "../TensorTrain/index.ts"
import { lowRank, sumWeight, truncatedSvd, type Weight, whitenedSvd } from "../Weight/index.ts"
import { type Aim, aimOf, type Calibration, calibrator } from "./Calibration.ts"
import type { WeightPlan } from "./Plan.ts"

export interface FitOptions {
  /** Decides the annealing of permutations; each weight derives its own from its name. */
  readonly key: Key
  /** Swaps tried for one matrix; default: see `KroneckerFitOptions`. */
  readonly swaps?: number | undefined
  /** Rounds of exchanges in a calibrated search, at most; default: see `KroneckerFitOptions`. */
  readonly rounds?: number | undefined
  /** Where a calibrated search sets out from, by "rows" and "columns"; default: it searches in the Frobenius norm. */
  readonly start?: Weight["indices"] | undefined
  /** Text by which the fits are weighted; default none: the error is that of the numbers themselves. */
  readonly calibration?: Calibration | undefined
}

/** One weight that has been replaced. */
export interface Fitted {
  readonly name: string
  readonly plan: WeightPlan
  /** ||W - W'|| / ||W||, in the Frobenius norm. */
  readonly relativeError: number
}

type Needs = Backend | Kronecker

/**
 * A weight's matrix in its planned format, in the scope: the nearest that the format's method finds, in the Frobenius norm or
 * in that of the aim.
 */
export const fitWeight = Effect.fn("Compress.fitWeight")(function* (
  name: string,
  weight: Weight,
  plan: WeightPlan,
  { key, swaps, rounds, start }: FitOptions,
  aim?: Omit<Aim, "place">
): Effect.fn.Return<Weight, TensorError, Needs | Scope.Scope> {
  yield* Effect.annotateCurrentSpan({ name, format: plan.format })
  const scope = yield* Effect.scope
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const { matrix, weighting, metric } = aim ?? {}
      const dense = yield* compute((t) =>
        matrix === undefined ? weight.toDense(t) : upload(t.region, matrix, [weight.inputs, weight.outputs])
      )
      if (plan.format === "low-rank") {
        const { rank } = plan
        const svd =
          weighting === undefined ? truncatedSvd(dense, rank) : whitenedSvd(dense, rank, weighting, metric)
        return yield* Scope.provide(svd, scope)
      }
      if (plan.format === "tensor-train") {
        // Nearest in the Frobenius norm, whatever the weighting: a train of weighted rows is no train of the rows.
        const { inputs, outputs, rank } = plan
        const fit = fitMatrix(dense, { inputs, outputs, tolerance: 0, maxRank: rank })
        const fitted = Effect.catchTag(fit, "TensorTrainOptionError", Effect.die)
        return (yield* Scope.provide(fitted, scope)).weight
      }
      const kronecker = yield* Kronecker
      // The model is in its free order already.
      const sum = { ...plan, permute: plan.permute === "free" ? "none" : plan.permute } as const
      const search = { swaps, rounds, start, key: fold(key, name) }
      const fit = yield* kronecker.fit(dense, { ...sum, ...search, weighting, outputMetric: metric })
      const rows = fit.rowPermutation
      const columns = fit.columnPermutation
      return yield* Scope.provide(
        compute((t) => {
          // Whole slices are copies that outlive the fit.
          const kept = (x: Tensor) =>
            t.slice(
              x,
              Array.from(x.shape, () => 0),
              x.shape
            )
          const products = kroneckerWeight(t, { left: kept(fit.left), right: kept(fit.right), rows, columns })
          const { lowRank: rest } = fit
          return rest === undefined
            ? products
            : sumWeight([products, lowRank(kept(rest.left), kept(rest.right))])
        }),
        scope
      )
    })
  )
})

/** ||A - B||^2 and ||B||^2 over pairs of weights of equal size. */
const distances = (pairs: ReadonlyArray<readonly [Weight, Weight]>) =>
  Effect.scoped(
    Effect.gen(function* () {
      let [difference, total] = [0, 0]
      for (const [weight, reference] of pairs) {
        const sums = yield* compute((t) =>
          t.tidy(() => {
            const original = reference.toDense(t)
            const both = [t.sumOfSquares(t.subtract(weight.toDense(t), original)), t.sumOfSquares(original)]
            return t.concatenate(
              both.map((x) => t.reshape(x, [1])),
              0
            )
          })
        )
        const values = yield* Tensor.toArray(sums)
        difference += values[0]
        total += values[1]
      }
      return Math.sqrt(difference / total)
    })
  )

/** ||W - W'|| / ||W|| over all weights whose format differs from the reference's; 0 where none does. */
export const relativeError = (model: Gpt2, reference: Gpt2): Effect.Effect<number, TensorError, Backend> => {
  const pairs = Object.entries(model.weights)
    .filter(([name, weight]) => weight !== reference.weights[name] && weight.format !== "dense")
    .map(([name, weight]) => [weight, reference.weights[name]] as const)
  return pairs.length === 0 ? Effect.succeed(0) : distances(pairs)
}

/** The plans in the order in which the network uses the weights, so that each is fitted to the inputs that it will get. */
const inNetworkOrder = (model: Gpt2, plans: Readonly<Record<string, WeightPlan>>) => {
  const order = Object.keys(weightSizes(model.config))
  return Object.entries(plans).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
}

/**
 * The model with the planned weights in their formats, one after the other as the network uses them; those tensors belong to
 * the scope, the others are shared with the model given. `observe` hears of each weight when it is done.
 */
export const replaceWeights = Effect.fn("Compress.replaceWeights")(function* <E = never, R = never>(
  model: Gpt2,
  plans: Readonly<Record<string, WeightPlan>>,
  options: FitOptions,
  observe: (fitted: Fitted) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Gpt2, TensorError | E, Needs | Scope.Scope | R> {
  const { calibration } = options
  let next = model
  // Trains are nearest in the Frobenius norm, whatever is felt.
  const weighted = Object.entries(plans).flatMap(([name, { format }]) =>
    format === "tensor-train" ? [] : [name]
  )
  let standing = calibration && (yield* calibrator(model, calibration, weighted))
  for (const [name, plan] of inNetworkOrder(model, plans)) {
    const [aim, after] = standing === undefined ? [] : yield* aimOf(name, next, standing)
    standing = after
    const weight = yield* fitWeight(name, model.weights[name], plan, options, aim)
    const error = yield* distances([[weight, model.weights[name]]])
    next = aim === undefined ? withWeight(next, name, weight) : yield* aim.place(next, weight)
    yield* observe({ name, plan, relativeError: error })
  }
  return next
})
