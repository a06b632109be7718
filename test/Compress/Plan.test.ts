import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  finalWeights,
  lowRankControl,
  parse,
  type Plan,
  PlanError,
  storedParameters,
  text,
  validate,
  withPermute
} from "../../src/Compress/Plan.ts"
import { stepsOf } from "../../src/Compress/Stages.ts"

const plan: Plan = {
  version: 1,
  stages: [
    {
      name: "first",
      weights: {
        a: { format: "kronecker", terms: 2, left: [4, 6], right: [2, 2], permute: "rows-and-columns" },
        wte: { format: "kronecker", terms: 1, left: [50, 6], right: [1, 2], permute: "columns" }
      }
    },
    { name: "second", weights: { wte: { format: "low-rank", rank: 3 } } }
  ]
}
const shapes = { a: [8, 12], wte: [50, 12] } as const

describe("stages", () => {
  it.effect("may say how they are distilled, and share the updates that none has claimed", () =>
    Effect.gen(function* () {
      const [first, second] = plan.stages
      const own: Plan = {
        version: 1,
        stages: [
          {
            ...first,
            distillation: { steps: 7, learningRate: 1e-3, loss: { crossEntropy: 1, temperature: 2 } }
          },
          second,
          { ...first, name: "third" }
        ]
      }
      assert.deepStrictEqual(yield* parse(text(own)), own)
      assert.deepStrictEqual(stepsOf(own, 5), [7, 2, 3])
      assert.deepStrictEqual(stepsOf(plan, 0), [0, 0])
      const error = yield* Effect.flip(parse(text(own).replace('"steps":7', '"steps":-7')))
      assert.include(error.message, "steps")
    })
  )
})

describe("Plan", () => {
  it.effect("a plan read back from its JSON is the same", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* parse(JSON.stringify(plan)), plan)
      assert.deepStrictEqual(yield* parse(text(plan)), plan)
    })
  )

  it.effect("what is no plan fails and says where", () =>
    Effect.gen(function* () {
      const bad = [
        "",
        "[]",
        JSON.stringify({ version: 2, stages: plan.stages }),
        JSON.stringify({ version: 1, stages: [] }),
        JSON.stringify(plan).replace('"terms":2', '"terms":0')
      ]
      for (const json of bad) assert.instanceOf(yield* Effect.flip(parse(json)), PlanError)
      assert.include((yield* Effect.flip(parse(bad[4]))).message, "terms")
    })
  )

  it("stored numbers are the factors and the index buffers", () => {
    assert.strictEqual(storedParameters(plan.stages[0].weights.a, [8, 12]), 2 * (24 + 4) + 8 + 12)
    assert.strictEqual(storedParameters(plan.stages[0].weights.wte, [50, 12]), 300 + 2 + 12)
    assert.strictEqual(storedParameters({ format: "low-rank", rank: 3 }, [50, 12]), 3 * 62)
    const { wte } = plan.stages[0].weights
    assert.strictEqual(storedParameters({ ...wte, rank: 3 }, [50, 12]), 300 + 2 + 12 + 3 * 62)
  })

  it.effect("names and shapes are held against the model", () =>
    Effect.gen(function* () {
      yield* validate(plan, shapes)
      const unknown = yield* Effect.flip(validate(plan, { a: [8, 12] }))
      assert.strictEqual(unknown.weight, "wte")
      const misshapen = yield* Effect.flip(validate(plan, { ...shapes, a: [8, 13] }))
      assert.include(misshapen.message, "is [8, 12], the weight is [8,13]")
      const high = yield* Effect.flip(validate(plan, { ...shapes, wte: [50, 2] }))
      assert.include(high.message, "right")
      const ranks: Plan = {
        version: 1,
        stages: [{ name: "x", weights: { a: { ...plan.stages[0].weights.a, rank: 9 } } }]
      }
      assert.include((yield* Effect.flip(validate(ranks, shapes))).message, "rank 9 exceeds")
      // Names of the prototype are no weights.
      const hostile: Plan = {
        version: 1,
        stages: [{ name: "x", weights: { toString: { format: "low-rank" as const, rank: 1 } } }]
      }
      assert.strictEqual((yield* Effect.flip(validate(hostile, shapes))).weight, "toString")
    })
  )

  it("a later stage has the last word", () => {
    assert.deepStrictEqual(finalWeights(plan), {
      a: plan.stages[0].weights.a,
      wte: plan.stages[1].weights.wte
    })
  })

  it("a side whose right factor has size 1 is not permuted", () => {
    const permuted = withPermute(plan, "rows-and-columns").stages[0].weights
    assert.strictEqual((permuted.a as { permute: string }).permute, "rows-and-columns")
    assert.strictEqual((permuted.wte as { permute: string }).permute, "columns")
    const rows = withPermute(plan, "rows").stages[0].weights
    assert.strictEqual((rows.wte as { permute: string }).permute, "none")
  })

  it("the control stores at most as many numbers, and one rank more would store more", () => {
    const control = lowRankControl(plan, shapes)
    for (const [i, stage] of control.stages.entries())
      for (const [name, weight] of Object.entries(stage.weights)) {
        const shape = shapes[name as keyof typeof shapes]
        const budget = storedParameters(plan.stages[i].weights[name], shape)
        const own = storedParameters(weight, shape)
        assert.isAtMost(own, budget)
        assert.isAbove(own + shape[0] + shape[1], budget)
      }
  })
})
