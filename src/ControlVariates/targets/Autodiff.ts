import { Effect } from "effect"
import { Backend, compute, ShapeError, Tensor } from "../../Tensor/index.ts"
import { upload } from "../../Tensor/Host.ts"
import type { Operations } from "../../Tensor/index.ts"
import { defaultNames, type Target } from "./Target.ts"

/**
 * A target whose score comes from reverse-mode differentiation: `logDensities` makes, of positions [points, dimensions], a tensor of
 * log densities [points]. One tensor program for all chains, on whichever backend is provided; its evaluations fail with the
 * backend's errors.
 *
 * @example
 * const normal = yield* autodiffTarget("normal", 2, (t, x) => t.sum(t.multiply(x, x), { axes: [1] }))
 */
export const autodiffTarget = (
  name: string,
  dimensions: number,
  logDensities: (t: Operations, x: Tensor) => Tensor,
  names: ReadonlyArray<string> = defaultNames(dimensions)
): Effect.Effect<Target, never, Backend> =>
  Effect.map(Backend, (kernels) => ({
    name,
    dimensions,
    names,
    evaluate: (positions, points, values, scores) =>
      Effect.gen(function* () {
        const parts = yield* compute((t) => {
          const x = upload(t.region, positions.slice(0, points * dimensions), [points, dimensions])
          const { gradients, aux } = t.valueAndGradients({ x }, () => {
            const each = logDensities(t, x)
            if (each.shape.length !== 1 || each.shape[0] !== points)
              throw new ShapeError({
                operation: `target ${name}`,
                reason: `one log density a point, [${points}], is needed`,
                shapes: [each.shape]
              })
            // The chains do not depend on each other, so that the gradient of the sum has all their scores.
            return { value: t.sum(each), aux: each }
          })
          return { each: aux, gradient: gradients.x }
        })
        values.set(yield* Tensor.toArray(parts.each))
        scores.set(yield* Tensor.toArray(parts.gradient))
      }).pipe(Effect.scoped, Effect.provideService(Backend, kernels))
  }))
