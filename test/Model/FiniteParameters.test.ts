import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { requireFiniteParameters } from "../../src/Model/FiniteParameters.ts"
import { withParameters } from "../../src/Model/Gpt2.ts"
import { NumericalError, Tensor } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { compressedGpt2, tinyGpt2 } from "./TinyGpt2.ts"

describe("requireFiniteParameters", () => {
  it.effect("passes numbers, also those whose sum is none, and names the one that is not", () =>
    onMock(
      Effect.gen(function* () {
        const model = yield* tinyGpt2
        yield* requireFiniteParameters(model)
        yield* requireFiniteParameters(yield* compressedGpt2)
        const name = "h.1.mlp.c_fc.bias"
        const bias = new Float64Array(32)
        bias.fill(1e308)
        yield* requireFiniteParameters(withParameters(model, { [name]: yield* Tensor.fromArray(bias) }))
        for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
          bias[5] = value
          const damaged = withParameters(model, { [name]: yield* Tensor.fromArray(bias) })
          const error = yield* Effect.flip(requireFiniteParameters(damaged))
          assert.instanceOf(error, NumericalError)
          assert.include(error.message, `element 5 of "${name}" [32] is ${value}`)
        }
      })
    )
  )
})
