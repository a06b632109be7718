import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  type Plan,
  PlanError,
  parse,
  storedParameters,
  type TensorTrainPlan,
  validate
} from "../../src/Compress/Plan.ts"
import { codecs } from "../../src/Compress/Codecs.ts"
import { fitWeight } from "../../src/Compress/Replace.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import { key } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { dense } from "../../src/Weight/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { normals } from "../Weight/WeightContract.ts"

const weight: TensorTrainPlan = { format: "tensor-train", inputs: [2, 3, 4], outputs: [3, 2, 2], rank: 4 }
const planOf = (entry: TensorTrainPlan): Plan => ({
  version: 1,
  stages: [{ name: "one", weights: { a: entry } }]
})

describe("a tensor train in a plan", () => {
  it.effect("comes back from JSON, and its sizes are held against the model", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parse(JSON.stringify(planOf(weight))), planOf(weight))
      yield* validate(planOf(weight), { a: [24, 12] })
      for (const wrong of [
        { ...weight, inputs: [2, 3, 5] as const },
        { ...weight, outputs: [3, 4] as const }
      ]) {
        const error = yield* Effect.flip(validate(planOf(wrong), { a: [24, 12] }))
        assert.instanceOf(error, PlanError)
        assert.include(error.message, "the weight is [24,12]")
      }
    })
  )

  it.effect("is fitted with as many numbers as planned, and has a codec", () =>
    onMock(
      Effect.gen(function* () {
        const matrix = yield* Tensor.fromArray(normals("w", 288), [24, 12])
        for (const rank of [1, 4, 7, 100]) {
          const plan = { ...weight, rank }
          const fitted = yield* fitWeight("a", dense(matrix), plan, { key: key(1) })
          assert.strictEqual(fitted.format, "tensor-train")
          assert.strictEqual(fitted.storedParameters, storedParameters(plan, [24, 12]))
          assert.isDefined(codecs[fitted.format].describe(fitted))
          const error = yield* compute((t) => t.sumOfSquares(t.subtract(fitted.toDense(t), matrix)))
          assert.isTrue((yield* Tensor.toNumber(error)) < (rank === 100 ? 1e-20 : 288))
        }
      }).pipe(Effect.provide(Kronecker.layer))
    )
  )
})
