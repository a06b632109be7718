import { Effect } from "effect"
import { type Gpt2, withParameters, withWeight } from "../../Model/Gpt2.ts"
import { Backend, compute, type TensorError } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { hostTask } from "../../Tensor/HostTask.ts"
import { dense, lowRank, lowRankBetween } from "../../Weight/index.ts"
import { aimOf, type Calibration, type Calibrator, numbersOf } from "../Calibration.ts"
import { divergenceFrom, divergenceText, layerOf, predictionsOf } from "./Divergence.ts"
import type { Survey } from "./Survey.ts"

/** What a model becomes whose weights have given errors. */
export interface Rehearsal {
  /** Of its predictions from the original's, in nats a token. */
  readonly divergence: number
  /** Of each weight: how many times as much its error is felt here as where it is the only one; below 0 where the model is better off with it. */
  readonly company: ReadonlyArray<number>
}

/** The part of a weight's error that is left when it is measured. */
const left = 0.7

/**
 * A model whose weights have the errors, squared and relative, that a plan is foretold to make: low ranks that lose as much, one after the other
 * as the network uses them, each aimed as its fit would be; and what the predictions feel of each error there. Later fits make good what
 * earlier ones did, and what comes last nothing makes good: neither shows where one weight is measured alone.
 */
export const rehearse = Effect.fn("Compress.rehearse")(function* <E = never, R = never>(
  model: Gpt2,
  { weights, sensitivities, outputMetrics, spareRank }: Survey,
  errors: ReadonlyArray<number>,
  calibration: Calibration,
  observe: (name: string) => Effect.Effect<unknown, E, R> = () => Effect.void
): Effect.fn.Return<Rehearsal, TensorError | E, Backend | R> {
  const { factorizations: host } = yield* Backend
  return yield* Effect.scoped(
    Effect.gen(function* () {
      let standing: Calibrator = { original: model, calibration, metrics: outputMetrics, prefix: undefined }
      let whole = model
      // In a model of its own, each weight with another error, and that.
      const others: Array<{ readonly model: Gpt2; readonly error: number }> = []
      for (const [i, { name, inputs, outputs, lost }] of weights.entries()) {
        const [aim, after] = yield* aimOf(name, whole, standing)
        standing = after
        const aimed = aim.matrix ?? (yield* numbersOf(model.weights[name]))
        const isKept = errors[i] === 0
        // A weight that is kept is measured at a low rank.
        const rank = isKept
          ? spareRank(inputs, outputs)
          : rankLosing(lost, errors[i], Math.min(inputs, outputs))
        const factors = yield* hostTask(() =>
          lowRankBetween(aimed, outputs, rank, aim.weighting, aim.metric, host)
        )
        const fitted = yield* compute((t) =>
          lowRank(
            upload(t.region, factors.left, [inputs, rank]),
            upload(t.region, factors.right, [rank, outputs])
          )
        )
        if (isKept) others.push({ model: yield* aim.place(whole, fitted), error: lost(rank) })
        else {
          const nearer = yield* hostTask(() => {
            const product = host.multiply(factors.left, factors.right, inputs, rank, outputs)
            return product.map((value, e) => aimed[e] + left * (value - aimed[e]))
          })
          const weight = dense(yield* compute((t) => upload(t.region, nearer, [inputs, outputs])))
          others.push({ model: yield* aim.place(whole, weight), error: left ** 2 * errors[i] })
          whole = yield* aim.place(whole, fitted)
        }
        yield* observe(name)
      }
      const text = divergenceText(model, calibration.tokens)
      const { batches } = yield* predictionsOf(model, text)
      const own = yield* predictionsOf(whole, text)
      // Before a layer the states are those of the whole; what they come to is held against the original.
      const predictions = {
        ...own,
        batches: own.batches.map((batch, i) => ({ ...batch, logits: batches[i].logits }))
      }
      // Rounding may bring nothing below nothing.
      const divergence = Math.max(0, yield* divergenceFrom(predictions, whole, -1))
      const company: Array<number> = []
      for (const [i, { name }] of weights.entries()) {
        const other = others[i]
        const bias = `${name}.bias`
        const replaced = withWeight(whole, name, other.model.weights[name])
        const changed = Object.hasOwn(other.model.tensors, bias)
          ? withParameters(replaced, { [bias]: other.model.tensors[bias] })
          : replaced
        const felt = (yield* divergenceFrom(predictions, changed, layerOf(name))) - divergence
        const alone = sensitivities[i](other.error) - sensitivities[i](errors[i])
        company.push(alone === 0 ? 1 : felt / alone)
      }
      return { divergence, company }
    })
  )
})

/** The smallest rank that loses no more. */
const rankLosing = (lost: (rank: number) => number, error: number, largest: number): number => {
  let [low, high] = [1, largest]
  while (low < high) {
    const middle = (low + high) >> 1
    if (lost(middle) <= error) high = middle
    else low = middle + 1
  }
  return low
}
