import { Effect, Scope } from "effect"
import { Backend, type Kernels } from "./Backend.ts"
import { isTensorError, type TensorError } from "./Errors.ts"
import { type Operations, operationsOf } from "./Operations.ts"
import { Region, releaseTensor, tensorsIn } from "./Region.ts"
import type { Tensor } from "./Tensor.ts"

/** Made here and not in `compute`: a closure there would keep all that the body closes over for as long as the tensors live. */
const releasing = (kernels: Kernels, tensors: ReadonlyArray<Tensor>): Effect.Effect<void> =>
  Effect.sync(() => {
    for (const x of tensors) releaseTensor(kernels, x)
  })

/**
 * Runs a synchronous function of tensors as one region: its temporaries are freed when it ends, the tensors in its result
 * (also inside arrays, maps and records) then belong to the current scope, and a tensor error becomes a typed failure.
 *
 * @example
 *   const y = yield* compute((t) => t.gelu(t.linear(x, w, b)))
 */
export const compute = <A>(
  body: (t: Operations) => A
): Effect.Effect<A, TensorError, Backend | Scope.Scope> =>
  Effect.flatMap(Backend, (kernels) =>
    Effect.flatMap(Effect.scope, (scope) =>
      // No interruption between making tensors and giving them to the scope.
      Effect.uninterruptible(
        Effect.suspend(() => {
          const region = new Region(kernels)
          let result: A
          try {
            result = body(operationsOf(region))
          } catch (error) {
            region.handOut([])
            return isTensorError(error) ? Effect.fail(error) : Effect.die(error)
          }
          const kept = region.handOut(tensorsIn(result))
          return kept.length === 0
            ? Effect.succeed(result)
            : Effect.as(Scope.addFinalizer(scope, releasing(kernels, kept)), result)
        })
      )
    )
  )
