import { Effect, type Scope } from "effect"
import { fitShared } from "../Kronecker/index.ts"
import { covariance } from "../Model/Covariance.ts"
import type { Gpt2 } from "../Model/Gpt2.ts"
import { inHiddenOrder } from "../Model/HiddenOrder.ts"
import { inputMoments } from "../Model/InputMoments.ts"
import { fold } from "../Random/index.ts"
import { type Backend, compute, type TensorError } from "../Tensor/index.ts"
import type { Weighting } from "../Weight/index.ts"
import { covarianceOptions } from "./Calibration.ts"
import type { KroneckerPlan, WeightPlan } from "./Plan.ts"
import type { FitOptions } from "./Replace.ts"

/** The layers whose MLP has both weights planned as Kronecker sums in a free order. */
const freeLayers = (plans: Readonly<Record<string, WeightPlan>>): ReadonlyArray<number> =>
  Object.entries(plans).flatMap(([name, plan]) => {
    const layer = /^h\.(\d+)\.mlp\.c_fc$/.exec(name)?.[1]
    return layer !== undefined && plan.format === "kronecker" && plan.permute === "free"
      ? [Number(layer)]
      : []
  })

/**
 * The same network with the hidden units of each MLP that is planned with `permute: "free"` in the order that serves both of its Kronecker sums
 * (`fitShared`): an order that has to be neither stored nor undone. It is the model to compress, to distil from and to compare with.
 * New tensors belong to the scope.
 *
 * The order of heads is free too, but worth nothing to these sums: it moves whole columns of the left factors. That of the residual stream
 * would save the embedding's few indices, and part the hidden states of the student from those of the teacher.
 */
export const inFreeOrder = Effect.fn("Compress.inFreeOrder")(function* (
  model: Gpt2,
  plans: Readonly<Record<string, WeightPlan>>,
  { key, swaps, rounds, calibration }: FitOptions
): Effect.fn.Return<Gpt2, TensorError, Backend | Scope.Scope> {
  const layers = freeLayers(plans)
  const names = layers.flatMap((layer) => [`h.${layer}.mlp.c_fc`, `h.${layer}.mlp.c_proj`])
  const moments =
    calibration && layers.length > 0
      ? yield* inputMoments(model, calibration.tokens, { weights: names })
      : undefined
  const weightingOf = (name: string): Weighting =>
    moments === undefined || calibration === undefined
      ? { rows: new Float64Array(model.weights[name].inputs).fill(1) }
      : { covariance: covariance(moments[name], covarianceOptions(calibration)) }
  const sideOf = (name: string) => {
    const { terms, left, right } = plans[name] as KroneckerPlan
    return { terms, left, right, weighting: weightingOf(name) }
  }
  let ordered = model
  for (const layer of layers) {
    const [first, second] = [`h.${layer}.mlp.c_fc`, `h.${layer}.mlp.c_proj`]
    const { hiddenOrder } = yield* Effect.scoped(
      Effect.gen(function* () {
        const [left, right] = yield* compute((t) =>
          [first, second].map((name) => model.weights[name].toDense(t))
        )
        return yield* fitShared(left, right, {
          first: sideOf(first),
          second: sideOf(second),
          swaps,
          rounds,
          key: fold(key, `hidden ${layer}`)
        })
      })
    )
    const before = ordered
    ordered = yield* compute((t) => inHiddenOrder(t, before, layer, hiddenOrder))
  }
  return ordered
})
