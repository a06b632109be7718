import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import {
  ControlVariates,
  coordinates,
  functional,
  type FitOptions,
  type Functionals,
  makeChains,
  trapezoid
} from "../../../src/ControlVariates/index.ts"
import type { Chains, ChainsInput } from "../../../src/ControlVariates/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { fold, key, stream } from "../../../src/Random/index.ts"
import { gaussianChains } from "../gaussianChains.ts"

const reduce = Effect.fnUntraced(
  function* (chains: Chains, functionals: Functionals, options?: FitOptions) {
    const variates = yield* ControlVariates
    return yield* variates.reduce(chains, functionals, options)
  },
  Effect.provide(ControlVariates.layer),
  Effect.provide(Layers.mock())
)

const messageOf = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.result(effect), (result) =>
    Result.isFailure(result) ? result.failure.message : "no failure"
  )

const standard = (chains: number, draws: number, seed = "", correlation = 0.5) =>
  gaussianChains({ mean: [0, 0], precision: [1, 0, 0, 1], chains, draws, correlation, seed })

describe("chains that give no estimate", () => {
  const good = standard(2, 20)
  const input: ChainsInput = {
    chains: 2,
    draws: 20,
    dimensions: 2,
    values: good.values,
    scores: good.scores
  }
  it.effect("are refused with the place and the remedy", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [ChainsInput, RegExp]> = [
        [{ ...input, values: good.values.with(43, NaN) }, /draws, chain 1, draw 1, dimension 1: NaN/],
        [
          { ...input, scores: good.scores.with(0, Infinity) },
          /scores, chain 0, draw 0, dimension 0: Infinity/
        ],
        [{ ...input, scores: good.scores.slice(2) }, /scores: 78 numbers for \[2, 20, 2\]/],
        [
          { ...input, chains: 1, draws: 3, values: good.values.slice(0, 6), scores: undefined },
          /3 draws a chain; fewer than 4/
        ],
        [
          { ...input, values: good.values.map((x, i) => (i < 40 ? 1 : x)) },
          /chain 0: all 20 draws are the same/
        ],
        [{ ...input, chains: 0 }, /chains: 0 is no whole number/],
        [{ ...input, names: ["a", "a"] }, /2 distinct names/],
        [{ ...input, statistics: { energy: [1, 2] } }, /statistic "energy": 2 numbers for 2 chains of 20/]
      ]
      for (const [bad, message] of cases) assert.match(yield* messageOf(makeChains(bad)), message)
    })
  )

  it.effect("and so are functionals and options that do not fit", () =>
    Effect.gen(function* () {
      const bare = yield* makeChains({ ...input, scores: undefined })
      const f = coordinates(good)
      assert.match(yield* messageOf(reduce(bare, f)), /scores: absent/)
      const flat = { ...good, scores: good.scores.map((s, i) => (i % 2 === 0 ? s : 0)) }
      assert.match(yield* messageOf(reduce(flat, f)), /scores: that of x1 is 0 at every draw, and the draws/)
      const short = { names: ["f"], values: [new Float64Array(3)] }
      assert.match(yield* messageOf(reduce(good, short)), /functional "f": 3 values for 2 chains of 20/)
      const nan = functional(good, "log", ([x]) => Math.log(x))
      assert.match(yield* messageOf(reduce(good, nan)), /functional "log", chain \d, draw \d+: NaN/)
      assert.match(yield* messageOf(reduce(good, f, { degree: 0 })), /degree must be a whole number/)
      assert.match(yield* messageOf(reduce(good, f, { window: 30 })), /window width must be at most the 20/)
      assert.match(yield* messageOf(reduce(good, f, { ridge: -1 })), /ridge must be/)
      assert.match(yield* messageOf(reduce(good, f, { degree: 60 })), /1890 features.* from 40 draws/)
      assert.match(yield* messageOf(reduce(good, f, { degree: 200 })), /needs 20300 features/)
    })
  )
})

const kinds = (chains: Chains, functionals: Functionals, options?: FitOptions) =>
  Effect.map(reduce(chains, functionals, options), ({ warnings }) => warnings.map(({ kind }) => kind))

describe("warnings", () => {
  it.effect("are none for good chains", () =>
    Effect.gen(function* () {
      const chains = standard(4, 2000)
      const cube = functional(chains, "cube", ([x, y]) => x ** 3 + y)
      assert.deepStrictEqual(yield* kinds(chains, cube), [])
    })
  )

  it.effect("say that scores belong to another density", () =>
    Effect.gen(function* () {
      const chains = standard(2, 2000)
      const wrong = { ...chains, scores: chains.scores.map((s) => 1.5 * s) }
      assert.include(yield* kinds(wrong, coordinates(wrong)), "scoresDisagree")
    })
  )

  it.effect("say that transitions diverged", () =>
    Effect.gen(function* () {
      const chains = standard(2, 500)
      const diverging = new Float64Array(1000)
      diverging[3] = 1
      const found = yield* kinds({ ...chains, statistics: { diverging } }, coordinates(chains), { degree: 1 })
      assert.deepStrictEqual(found, ["divergences"])
    })
  )

  it.effect("say that a chain is short, and that a fit is overfitted", () =>
    Effect.gen(function* () {
      const chains = standard(1, 60, "short", 0.9)
      const f = functional(chains, "kink", ([x, y]) => Math.abs(x + y - 0.5))
      const found = yield* kinds(chains, f, { degree: 5, objective: "evm" })
      assert.include(found, "shortChain")
      assert.include(found, "overfitted")
    })
  )

  it.effect("say that there are as many coefficients as the draws are worth", () =>
    Effect.gen(function* () {
      const chains = standard(2, 500, "slow", 0.999)
      const f = functional(chains, "kink", ([x, y]) => Math.abs(x + y))
      const { warnings } = yield* reduce(chains, f, { degree: 3, objective: "evm" })
      assert.isTrue(
        warnings.some(({ message }) => /9 coefficients from draws that are worth \d\.\d/.test(message))
      )
    })
  )

  it.effect("say that two chains are the same", () =>
    Effect.gen(function* () {
      const one = standard(1, 300)
      const twice = {
        ...one,
        chains: 2,
        values: Float64Array.from([...one.values, ...one.values]),
        scores: Float64Array.from([...one.scores, ...one.scores])
      }
      assert.include(yield* kinds(twice, coordinates(twice)), "equalChains")
    })
  )

  it.effect("say that chains disagree", () =>
    Effect.gen(function* () {
      const chains = standard(2, 500)
      const apart = { ...chains, values: chains.values.map((x, i) => (i < 1000 ? x : x + 3)) }
      assert.include(yield* kinds(apart, coordinates(apart)), "chainsDisagree")
    })
  )

  it.effect("say that a functional or a dimension is constant", () =>
    Effect.gen(function* () {
      const chains = standard(2, 200)
      const fixed = {
        ...chains,
        values: chains.values.map((x, i) => (i % 2 === 0 ? x : 7)),
        scores: chains.scores.map((s, i) => (i % 2 === 0 ? s : 0))
      }
      const found = yield* kinds(fixed, coordinates(fixed), { degree: 2 })
      assert.include(found, "constantDimension")
      assert.include(found, "constantFunctional")
    })
  )
})

describe("standard errors", () => {
  it.effect("are not below what float64 leaves uncertain of the mean, so that factors are finite", () =>
    Effect.gen(function* () {
      const chains = standard(2, 400)
      const far = { ...chains, values: chains.values.map((x) => x + 2 ** 30) }
      for (const [at, rounding] of [
        [chains, 2 ** -53],
        [far, 2 ** -23]
      ] as const) {
        const { estimates } = yield* reduce(at, coordinates(at), { degree: 1, objective: "evm" })
        for (const { mcseCv, varianceReduction, varianceReductionAcrossChains } of estimates) {
          assert.isAtLeast(mcseCv, 0.9 * rounding)
          assert.isTrue(Number.isFinite(varianceReduction) && Number.isFinite(varianceReductionAcrossChains))
        }
      }
    })
  )

  it.effect("cover the truth as often as they say, after the control variate too", () =>
    Effect.gen(function* () {
      const runs = 120
      let [plain, reduced] = [0, 0]
      for (let run = 0; run < runs; run++) {
        const chains = standard(2, 400, `run ${run}`)
        // E exp(x / 2) = exp(1 / 8); polynomials take most of its variance, not all.
        const f = functional(chains, "exp", ([x]) => Math.exp(x / 2))
        const { estimates } = yield* reduce(chains, f, { degree: 2, objective: "esvm", window: 10 })
        const [{ mean, mcse, meanCv, mcseCv }] = estimates
        if (Math.abs(mean - Math.exp(1 / 8)) < 1.645 * mcse) plain++
        if (Math.abs(meanCv - Math.exp(1 / 8)) < 1.645 * mcseCv) reduced++
      }
      // 90 % of 120 is 108; a binomial count is below 94 with probability 5e-5, and the errors are estimates themselves.
      assert.isAtLeast(plain, 94)
      assert.isAtLeast(reduced, 94)
    })
  )
})

describe("the automatic choice", () => {
  it.effect(
    "is at least as good as either objective, within 10 %, and never diverges with a flat-topped window",
    () =>
      Effect.gen(function* () {
        const random = stream(fold(key("choice"), 1))
        const chains = gaussianChains({
          mean: [0, 0],
          precision: [1, 0, 0, 1],
          chains: 4,
          draws: 2500,
          correlation: 0.95
        })
        const [a, b] = [random.uniform(), random.uniform()]
        const f = functional(chains, "wave", ([x, y]) => Math.sin(x + a) + Math.cos(b * y) * x)
        const variance = (options: FitOptions) =>
          Effect.map(reduce(chains, f, options), ({ estimates }) => estimates[0].mcseCv ** 2)
        const automatic = yield* variance({})
        for (const objective of ["evm", "esvm"] as const)
          assert.isBelow(automatic, 1.1 * (yield* variance({ objective })))
        const flat = yield* Effect.result(variance({ degree: 2, objective: "esvm", window: trapezoid(200) }))
        if (Result.isSuccess(flat)) assert.isTrue(Number.isFinite(flat.success))
        else assert.strictEqual(flat.failure._tag, "NumericalError")
      })
  )
})
