import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  ControlVariates,
  functional,
  gaussian,
  gaussianMixture,
  noUTurn,
  type ScoredChains,
  squares
} from "../../src/ControlVariates/index.ts"
import * as Layers from "../../src/Layers/index.ts"
import { key } from "../../src/Random/index.ts"
import { blocksMissing } from "../readmeBlocks.ts"

// What follows is in the README, letter by letter.
const program = Effect.gen(function* () {
  const variates = yield* ControlVariates
  const target = gaussianMixture([
    {
      weight: 0.5,
      mean: [1, 0],
      covariance: [
        [1, 0.3],
        [0.3, 1]
      ]
    },
    {
      weight: 0.5,
      mean: [-1, 0],
      covariance: [
        [1, 0.3],
        [0.3, 1]
      ]
    }
  ])
  const { chains } = yield* variates.sample(target, { kernel: noUTurn(), draws: 1000, key: key(1) })
  const { estimates, warnings } = yield* variates.reduce(chains, squares(chains))
  return { estimates, warnings }
}).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))

const withKernels = Effect.fnUntraced(function* (variates: ControlVariates["Service"], chains: ScoredChains) {
  const { estimates } = yield* variates.reduce(
    chains,
    functional(chains, "|x|", ([x]) => Math.abs(x)),
    {
      features: { kind: "kernel", points: 50 }
    }
  )
  return estimates
})

describe("the README's examples", () => {
  it("are these", () => {
    assert.deepStrictEqual(blocksMissing("src/ControlVariates/README.md", import.meta.filename), [])
  })

  it.effect("the squares of a mixture: both near what they are, 2 and 1, the reduced ones nearer", () =>
    Effect.gen(function* () {
      const { estimates } = yield* program
      const truth = [2, 1]
      estimates.forEach(({ mean, mcse, meanCv, mcseCv }, q) => {
        assert.isBelow(Math.abs(mean - truth[q]), 5 * mcse)
        assert.isBelow(Math.abs(meanCv - truth[q]), 5 * mcseCv)
        assert.isBelow(mcseCv, mcse)
      })
    })
  )

  it.effect("kernels beside polynomials: the mean of |x| of a standard normal", () =>
    Effect.gen(function* () {
      const variates = yield* ControlVariates
      const target = gaussian({ mean: [0], covariance: [[1]] })
      const { chains } = yield* variates.sample(target, { kernel: noUTurn(), draws: 500, key: key(1) })
      const [{ mcse, meanCv, mcseCv }] = yield* withKernels(variates, chains)
      assert.isBelow(Math.abs(meanCv - Math.sqrt(2 / Math.PI)), 5 * mcseCv)
      assert.isBelow(mcseCv, mcse)
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )
})
