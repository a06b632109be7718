import { Effect } from "effect"
import { compute, type Operations, Tensor } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"

export interface Evaluated {
  readonly shape: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

/** What one region on the mock returns, read out; fails with the region's error. */
export const evaluate = (body: (t: Operations) => Tensor) =>
  onMock(
    Effect.gen(function* () {
      const x = yield* compute(body)
      const values = yield* Tensor.toArray(x)
      return { shape: x.shape, values: Array.from(values) } satisfies Evaluated
    })
  )

/** The error of a region that must fail. */
export const failureOf = (body: (t: Operations) => unknown) => Effect.flip(onMock(compute(body)))
