import { Effect, type Scope } from "effect"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { upload } from "../../Tensor/Host.ts"
import { Backend, compute, type TensorError } from "../../Tensor/index.ts"
import { dense, lowRank, lowRankBetween } from "../../Weight/index.ts"
import { aimOf, type Calibrator, numbersOf } from "../Calibration.ts"
import { divergenceFrom, layerOf, type Predictions, predictionsOf } from "./Divergence.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"
import type { Survey } from "./Survey.ts"

/** What a model becomes whose weights all have errors. */
export interface Rehearsal {
  /** Of its predictions from the original's, in nats a token. */
  readonly divergence: number
  /** Of each weight: how many times as much its error is felt here as where it is the only one; below 0 where the model is better off with it. */
  readonly interactions: ReadonlyArray<number>
}

/**
 * A model whose weights have the errors, squared and relative, that a plan is foretold to make: low ranks that lose no more, one after the other
 * as the network uses them, each aimed as its fit would be; and what the predictions feel of each error there. Later fits make good what
 * earlier ones did, and what comes last nothing makes good: neither shows where one weight is measured alone.
 *
 * original: the model's predictions of the text by which divergences are measured.
 */
export const rehearse = Effect.fn("Compress.rehearse")(function* <E = never, R = never>(
  model: Gpt2,
  survey: Survey,
  errors: ReadonlyArray<number>,
  original: Predictions,
  observe: (name: string) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Rehearsal, TensorError | E, Backend | R> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const { whole, variants } = yield* fittedTogether(model, survey, errors, observe)
      const own = yield* predictionsOf(whole, original.tokens)
      // Before a layer the states are those of the whole; what they come to is held against the original.
      const batches = own.batches.map((batch, i) => ({ ...batch, logits: original.batches[i].logits }))
      const predictions = { ...own, batches }
      // Rounding may bring nothing below nothing.
      const divergence = Math.max(0, yield* divergenceFrom(predictions, whole, -1))
      const interactions: Array<number> = []
      for (const [i, { name, error, other, otherError }] of variants.entries()) {
        const bias = `${name}.bias`
        const replaced = withWeight(whole, name, other.weights[name])
        const changed = Object.hasOwn(other.tensors, bias)
          ? withParameters(replaced, { [bias]: other.tensors[bias] })
          : replaced
        const felt = (yield* divergenceFrom(predictions, changed, layerOf(name))) - divergence
        const alone = survey.sensitivities[i](otherError) - survey.sensitivities[i](error)
        interactions.push(alone === 0 ? 1 : felt / alone)
      }
      return { divergence, interactions }
    })
  )
})

/** A weight in a rehearsal, and in `other` with another error, by which its own is measured. */
interface Variant {
  readonly name: string
  readonly error: number
  readonly other: Gpt2
  readonly otherError: number
}

/** The part of a weight's error that is left in its variant: of the same kind, for that is what the later weights were fitted to. */
const part = 0.7

/** The model with all errors, in the scope, and its variants. */
const fittedTogether = Effect.fnUntraced(function* <E, R>(
  model: Gpt2,
  { weights, outputMetrics, calibration, surveyedRank }: Survey,
  errors: ReadonlyArray<number>,
  observe: (name: string) => Effect.Effect<unknown, E, R>
): Effect.fn.Return<
  { readonly whole: Gpt2; readonly variants: ReadonlyArray<Variant> },
  TensorError | E,
  Backend | Scope.Scope | R
> {
  const { factorizations: host } = yield* Backend
  let standing: Calibrator = { original: model, calibration, metrics: outputMetrics, prefix: undefined }
  let whole = model
  const variants: Array<Variant> = []
  for (const [i, weight] of weights.entries()) {
    const { name, inputs, outputs, lost } = weight
    const [aim, after] = yield* aimOf(name, whole, standing)
    standing = after
    const isKept = errors[i] === 0
    const rank = isKept ? surveyedRank(inputs, outputs) : rankLosing(weight, errors[i])
    const aimed = aim.matrix ?? (yield* numbersOf(model.weights[name]))
    const factors = yield* hostTask(() =>
      lowRankBetween(aimed, outputs, rank, aim.weighting, aim.metric, host)
    )
    const fitted = yield* compute((t) =>
      lowRank(
        upload(t.region, factors.left, [inputs, rank]),
        upload(t.region, factors.right, [rank, outputs])
      )
    )
    if (isKept)
      variants.push({ name, error: 0, other: yield* aim.place(whole, fitted), otherError: lost(rank) })
    else {
      const nearer = yield* compute((t) =>
        dense(
          t.add(
            t.multiply(upload(t.region, aimed, [inputs, outputs]), 1 - part),
            t.multiply(fitted.toDense(t), part)
          )
        )
      )
      const other = yield* aim.place(whole, nearer)
      variants.push({ name, error: lost(rank), other, otherError: part ** 2 * lost(rank) })
      whole = yield* aim.place(whole, fitted)
    }
    yield* observe(name)
  }
  return { whole, variants }
})

/** The smallest rank that loses no more. */
const rankLosing = ({ inputs, outputs, lost }: MeasuredWeight, error: number): number => {
  let [low, high] = [1, Math.min(inputs, outputs)]
  while (low < high) {
    const middle = (low + high) >> 1
    if (lost(middle) <= error) high = middle
    else low = middle + 1
  }
  return low
}
