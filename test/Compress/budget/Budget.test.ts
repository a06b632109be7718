import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseBudget } from "../../../src/Compress/budget/Budget.ts"
import { measureWeights } from "../../../src/Compress/budget/MeasuredWeight.ts"
import { fitWeight } from "../../../src/Compress/Replace.ts"
import { Compress, meanDivergence, Plan, PlanError } from "../../../src/Compress/index.ts"
import { initialise, storedParameters, weightSizes } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { Backend, Tensor } from "../../../src/Tensor/index.ts"
import { squaredErrorIn } from "../../../src/Weight/index.ts"
import { metricsOf, numbersOf } from "../../../src/Compress/Calibration.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { tinyConfig } from "../../Distill/TinyGpt2.ts"
import { services, tokens } from "./TinyBudget.ts"

const calibration = { tokens }

describe("planForBudget", () => {
  it.effect(
    "keeps to the budget, is what the pipeline then makes, and costs more the less it may store",
    () =>
      Effect.gen(function* () {
        const compress = yield* Compress
        const original = yield* initialise(tinyConfig, key(1))
        const all = storedParameters(original)
        let before = 0
        for (const share of [0.9, 0.7, 0.5]) {
          const budget = Math.floor(share * all)
          const found = yield* compress.plan(original, { budget, calibration, key: key(3) })
          assert.isAtMost(found.storedParameters, budget)
          assert.isAtLeast(found.storedParameters, 0.9 * budget)
          assert.isAtLeast(found.cost, found.lowerBound - 1e-12)
          assert.isAbove(found.predictedDivergence, before)
          before = found.predictedDivergence
          yield* Plan.validate(found.plan, weightSizes(original.config))
          const weights = Plan.finalWeights(found.plan)
          assert.isFalse(Object.hasOwn(weights, "lm_head"))
          const model = yield* compress.replace(original, weights, { key: key(3), calibration })
          // A search may find that a permutation is not worth its indices.
          assert.isAtMost(storedParameters(model), found.storedParameters)
          if (share !== 0.5) continue
          const again = yield* compress.plan(original, { budget, calibration, key: key(3) })
          assert.deepStrictEqual(again.plan, found.plan)
        }
      }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("foretells the errors of low ranks exactly, in the metrics of inputs and outputs", () =>
    Effect.gen(function* () {
      const { factorizations: host } = yield* Backend
      const original = yield* initialise(tinyConfig, key(1))
      yield* measureWeights(
        original,
        calibration,
        yield* metricsOf(original, calibration),
        () => 3,
        Effect.fnUntraced(function* ({ weight: { name, inputs, outputs, lost }, metrics, lowRank }) {
          const { weighting, metric } = metrics
          const w = yield* numbersOf(original.weights[name])
          const shareLost = (dense: Float64Array) =>
            squaredErrorIn(
              weighting,
              metric,
              w.map((value, e) => value - dense[e]),
              outputs,
              host
            ) / squaredErrorIn(weighting, metric, w, outputs, host)
          for (const rank of [1, 3, 8]) {
            const aim = { matrix: undefined, weighting, metric }
            const plan = { format: "low-rank", rank } as const
            const fitted = yield* fitWeight(name, original.weights[name], plan, { key: key(0) }, aim)
            assert.closeTo(lost(rank), shareLost(yield* numbersOf(fitted)), 1e-8, `${name} ${rank}`)
          }
          const product = host.multiply(lowRank.left, lowRank.right, inputs, 3, outputs)
          assert.closeTo(lost(3), shareLost(product), 1e-8, name)
        })
      )
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("refuses a budget that cannot be met, and says what the least is", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const error = yield* Effect.flip(compress.plan(original, { budget: 200, calibration, key: key(1) }))
      assert.instanceOf(error, PlanError)
      const least = Number(/make (\d+)/.exec(error.message)?.[1])
      assert.isAbove(least, 200)
      const met = yield* compress.plan(original, { budget: least, calibration, key: key(1) })
      assert.isAtMost(met.storedParameters, least)
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("refuses numbers of rehearsals that are none before it measures anything", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      for (const rehearsals of [0, -1, 1.5, Number.NaN]) {
        const error = yield* Effect.flip(
          compress.plan(original, { budget: 1000, calibration, key: key(1), rehearsals }, () =>
            Effect.die("measured")
          )
        )
        assert.instanceOf(error, PlanError)
        assert.include(error.message, `${rehearsals} plans`)
      }
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("names a weight that is not a number before it measures anything", () =>
    Effect.gen(function* () {
      const compress = yield* Compress
      const original = yield* initialise(tinyConfig, key(1))
      const broken = yield* Tensor.full(original.tensors["h.1.ln_2.weight"].shape, Number.NaN)
      const model = { ...original, tensors: { ...original.tensors, "h.1.ln_2.weight": broken } }
      const seen: Array<string> = []
      const error = yield* Effect.flip(
        compress.plan(model, { budget: 1000, calibration, key: key(1) }, ({ name }) =>
          Effect.sync(() => seen.push(name))
        )
      )
      assert.include(error.message, "h.1.ln_2.weight")
      assert.deepStrictEqual(seen, [])
    }).pipe(Effect.provide(services), onMockWithFiles)
  )

  it.effect("reads a budget as a share or a count", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* parseBudget("0.65", 1000), 650)
      assert.strictEqual(yield* parseBudget("1", 1000), 1000)
      assert.strictEqual(yield* parseBudget("81M", 1000), 81_000_000)
      assert.strictEqual(yield* parseBudget(" 1.5k ", 1000), 1500)
      assert.strictEqual(yield* parseBudget("2000", 1000), 2000)
      for (const text of ["", "0", "-1", "much", "5%", "1e3"]) {
        const error = yield* Effect.flip(parseBudget(text, 1000))
        assert.instanceOf(error, PlanError)
        assert.include(error.message, `"${text}"`)
      }
    })
  )
})

describe("meanDivergence", () => {
  it.effect("is nothing between a model and itself, and positive to another", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* initialise(tinyConfig, key(1)), yield* initialise(tinyConfig, key(2))]
      assert.closeTo(yield* meanDivergence(one, one, tokens), 0, 1e-12)
      assert.isAbove(yield* meanDivergence(one, other, tokens), 1e-6)
    }).pipe(onMockWithFiles)
  )
})
