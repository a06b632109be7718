import { Effect, type Scope } from "effect"
import type { Kronecker } from "../../Kronecker/index.ts"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import type { Key } from "../../Random/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { Backend, compute, type TensorError } from "../../Tensor/index.ts"
import { dense, type Weight } from "../../Weight/index.ts"
import { aimOf, type Calibrator, numbersOf } from "../Calibration.ts"
import type { WeightPlan } from "../Plan.ts"
import { fitWeight } from "../Replace.ts"
import { divergenceFrom, layerOf, type Predictions, predictionsOf } from "./Divergence.ts"
import type { Candidate } from "./Candidates.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"
import type { Sensitivity } from "./Sensitivity.ts"
import type { Survey } from "./Survey.ts"
import { isLarge } from "./TriedWeights.ts"

/** What a model becomes whose weights all have errors. */
export interface Rehearsal {
  /** Of its predictions from the original's, in nats a token. */
  readonly divergence: number
  /**
   * Of each weight: how many times as much its error is felt here as where it is the only one, and as great as foretold; below 0 where the model
   * is better off with it.
   */
  readonly interactions: ReadonlyArray<number>
}

/**
 * A model whose weights are as a plan makes them, one after the other as the network uses them, aimed as the fits that follow will be, but by the
 * survey's part of the text; and what the predictions feel of each error there. Later fits make good what earlier ones did, and what comes last
 * nothing makes good: neither shows where one weight is measured alone. Kronecker sums are fitted by short searches; for those of large matrices
 * low ranks stand in that are felt no more than is foretold.
 *
 * original: the model's predictions of the text by which divergences are measured; key: of the searches.
 */
export const rehearse = Effect.fn("Compress.rehearse")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  chosen: ReadonlyArray<Candidate>,
  original: Predictions,
  key: Key,
  observe: (name: string) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Rehearsal, TensorError | E, Backend | Kronecker | R> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const { whole, variants } = yield* fittedTogether(model, survey, chosen, key, true, observe)
      const { divergence, predictions } = yield* divergenceOf(whole, original)
      const interactions: Array<number> = []
      for (const [i, { name, error, other, otherError, severity }] of variants.entries()) {
        const bias = `${name}.bias`
        const replaced = withWeight(whole, name, other.weights[name])
        const changed = Object.hasOwn(other.tensors, bias)
          ? withParameters(replaced, { [bias]: other.tensors[bias] })
          : replaced
        const felt = (yield* divergenceFrom(predictions, changed, layerOf(name))) - divergence
        const alone = severity * (survey.sensitivities[i](otherError) - survey.sensitivities[i](error))
        interactions.push(alone === 0 ? 1 : felt / alone)
      }
      return { divergence, interactions }
    })
  )
})

/** What `rehearse` finds but for the interactions, which take a third of its time: weights that stay as they are, are passed over. */
export const rehearsedDivergence = Effect.fn("Compress.rehearsedDivergence")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  chosen: ReadonlyArray<Candidate>,
  original: Predictions,
  key: Key,
  observe: (name: string) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<number, TensorError | E, Backend | Kronecker | R> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const { whole } = yield* fittedTogether(model, survey, chosen, key, false, observe)
      return (yield* divergenceOf(whole, original)).divergence
    })
  )
})

/** Of the whole model, and the predictions from which those of its variants are measured, in the scope. */
const divergenceOf = Effect.fnUntraced(function* (
  whole: Gpt2,
  original: Predictions
): Effect.fn.Return<
  { readonly divergence: number; readonly predictions: Predictions },
  TensorError,
  Backend | Scope.Scope
> {
  const own = yield* predictionsOf(whole, original.tokens)
  // Before a layer the states are those of the whole; what they come to is held against the original.
  const batches = own.batches.map((batch, i) => ({ ...batch, logits: original.batches[i].logits }))
  const predictions = { ...own, batches }
  // Rounding may bring nothing below nothing.
  return { divergence: Math.max(0, yield* divergenceFrom(predictions, whole, -1)), predictions }
})

/** A weight in a rehearsal, and in `other` with another error, by which its own is measured. */
interface Variant {
  readonly name: string
  readonly error: number
  readonly other: Gpt2
  readonly otherError: number
  /** Of the format that it is in here: see `Candidate`. */
  readonly severity: number
}

/** The part of a weight's error that is left in its variant: of the same kind, for that is what the later weights were fitted to. */
const part = 0.7

/** After 20,000 swaps and four rounds the squared errors of eight weights of the shipped model are 0.2 to 2.6 % less. */
const search = { swaps: 5000, rounds: 1 }

/** The model with all errors, in the scope, and its variants where they are wanted. */
const fittedTogether = Effect.fnUntraced(function* <E, R>(
  model: Gpt2,
  { weights, sensitivities, outputMetrics, calibration, surveyedRank }: Survey,
  chosen: ReadonlyArray<Candidate>,
  key: Key,
  withVariants: boolean,
  observe: (name: string) => Effect.Effect<unknown, E, R>
): Effect.fn.Return<
  { readonly whole: Gpt2; readonly variants: ReadonlyArray<Variant> },
  TensorError | E,
  Backend | Kronecker | Scope.Scope | R
> {
  let standing: Calibrator = { original: model, calibration, metrics: outputMetrics, prefix: undefined }
  let whole = model
  const variants: Array<Variant> = []
  for (const [i, weight] of weights.entries()) {
    const { name, inputs, outputs, lost } = weight
    const { plan, squaredError, severity: own = 1 } = chosen[i]
    if (plan !== undefined || withVariants) {
      const [aim, after] = yield* aimOf(name, whole, standing)
      standing = after
      const isFitted = plan?.format === "kronecker" && !isLarge(weight)
      const rank =
        plan === undefined
          ? surveyedRank(inputs, outputs)
          : plan.format === "low-rank"
            ? plan.rank
            : rankFeltAs(weight, sensitivities[i], squaredError, own)
      const rehearsed: WeightPlan = isFitted ? plan : { format: "low-rank", rank }
      const [error, severity] = isFitted ? [squaredError, own] : [lost(rank), 1]
      const fitted = yield* fitWeight(name, model.weights[name], rehearsed, { key, ...search }, aim)
      if (plan === undefined)
        variants.push({ name, error: 0, other: yield* aim.place(whole, fitted), otherError: error, severity })
      else if (withVariants) {
        const aimed = aim.matrix ?? (yield* numbersOf(model.weights[name]))
        const other = yield* aim.place(whole, yield* withPartOfError(fitted, aimed))
        variants.push({ name, error, other, otherError: part ** 2 * error, severity })
      }
      if (plan !== undefined) whole = yield* aim.place(whole, fitted)
    }
    yield* observe(name)
  }
  return { whole, variants }
})

// aimed: [inputs, outputs], what the weight was to be
const withPartOfError = (fitted: Weight, aimed: Float64Array) =>
  compute((t) => {
    const aim = upload(t.region, aimed, [fitted.inputs, fitted.outputs])
    return dense(t.add(t.multiply(aim, 1 - part), t.multiply(fitted.toDense(t), part)))
  })

/** The smallest rank whose error is felt no more than that of a Kronecker sum; where nothing is felt, that loses no more. */
const rankFeltAs = (
  { inputs, outputs, lost }: MeasuredWeight,
  felt: Sensitivity,
  error: number,
  severity: number
): number => {
  const most = severity * felt(error)
  const isEnough = (rank: number) => (most > 0 ? felt(lost(rank)) <= most : lost(rank) <= error)
  let [low, high] = [1, Math.min(inputs, outputs)]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isEnough(middle)) high = middle
    else low = middle + 1
  }
  return low
}
