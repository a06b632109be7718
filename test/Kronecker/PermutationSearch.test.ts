import { assert, describe, it } from "@effect/vitest"
import { identityArrangement, type Permute } from "../../src/Kronecker/Arrangement.ts"
import { gramOf, kroneckerProblem, principalSpace, relativeErrorOf } from "../../src/Kronecker/BlockGram.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { nearestKroneckerSum } from "../../src/Kronecker/NearestKroneckerSum.ts"
import {
  initSearch,
  type SearchOptions,
  type SearchState,
  searchStep,
  settlingSwaps
} from "../../src/Kronecker/PermutationSearch.ts"
import { searchProblem } from "../../src/Kronecker/SearchProblem.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { key } from "../../src/Random/index.ts"
import { normal, planted } from "./planted.ts"

const search = (w: Float64Array, shape: KroneckerShape, permute: Permute, seed: number, swaps?: number) => {
  const { problem, arrangementOfW } = searchProblem(w, shape, permute, host)
  const options = { permute, swaps: swaps ?? settlingSwaps(problem.shape, permute), key: key(seed) }
  let state = initSearch(problem, options)
  while (state.stage !== "settled") state = searchStep(problem, options, state)[0]
  const arrangement = arrangementOfW(state.best.arrangement)
  const stated = relativeErrorOf(problem, state.best.objective)
  return { arrangement, stated, actual: nearestKroneckerSum(w, shape, arrangement, host).relativeError }
}

describe("the search for permutations", () => {
  it("finds noise-free sums of small factors to 1e-10, but for an unlucky one", () => {
    for (const shape of [
      { terms: 1, left: [4, 6], right: [2, 2] },
      { terms: 2, left: [12, 16], right: [2, 2] },
      { terms: 1, left: [6, 8], right: [2, 3] },
      { terms: 2, left: [6, 8], right: [2, 3] },
      { terms: 1, left: [2, 3], right: [8, 6] }
    ] as const) {
      const errors = [1, 2, 3, 4, 5].map(
        (seed) => search(planted(seed, shape).w, shape, "rows-and-columns", seed).actual
      )
      assert.isAtLeast(
        errors.filter((error) => error < 1e-10).length,
        4,
        `(${shape.left}) x (${shape.right}): ${errors}`
      )
    }
  })

  it("comes as near to a product in 30 % noise as the order it was made in", () => {
    const shape: KroneckerShape = { terms: 1, left: [16, 24], right: [2, 4] }
    for (const seed of [4, 5]) {
      const { w, arrangement } = planted(seed, shape, { noise: 0.3 })
      const made = nearestKroneckerSum(w, shape, arrangement, host).relativeError
      const swaps = 128 * 48_000
      assert.isAtMost(search(w, shape, "rows-and-columns", 1, swaps).actual, made * (1 + 1e-9))
    }
  })

  it("leaves W's order where nothing is better, and a side that is not free always", () => {
    const shape: KroneckerShape = { terms: 1, left: [6, 5], right: [2, 3] }
    const exact = planted(1, shape, { permuted: false }).w
    const identity = identityArrangement(shape)
    assert.deepStrictEqual(search(exact, shape, "rows-and-columns", 1).arrangement, identity)
    for (const wide of [shape, { terms: 1, left: [2, 3], right: [6, 5] } as const]) {
      const { rows } = search(normal(2, 180), wide, "columns", 1, 50_000).arrangement
      assert.deepStrictEqual(rows, identityArrangement(wide).rows)
    }
  })

  it("finds the same columns for a tall matrix as for the root of its Gram matrix", () => {
    const shape: KroneckerShape = { terms: 1, left: [60, 5], right: [1, 2] }
    const { w } = planted(4, shape)
    const { problem } = searchProblem(w, shape, "columns", host)
    assert.isBelow(problem.w.length, w.length / 4)
    const found = search(w, shape, "columns", 1)
    assert.isBelow(found.actual, 1e-10)
    const noisy = search(normal(5, w.length), shape, "columns", 1)
    assert.closeTo(noisy.stated, noisy.actual, 1e-10)
  })

  it("counts the smaller factors' side: the same error for exchanged factors", () => {
    const shape: KroneckerShape = { terms: 2, left: [2, 2], right: [5, 6] }
    const { stated, actual } = search(normal(6, 120), shape, "rows-and-columns", 1, 100_000)
    assert.closeTo(stated, actual, 1e-10)
  })

  it("continues to the same end from a state that was written down in any stage", () => {
    const shape: KroneckerShape = { terms: 2, left: [40, 60], right: [5, 10] }
    const small: KroneckerShape = { terms: 1, left: [5, 6], right: [2, 2] }
    const problem = kroneckerProblem(normal(7, 10 * 12), small, host)
    const options: SearchOptions = { permute: "rows-and-columns", swaps: 400_000, key: key(3) }
    const finish = (from: SearchState): SearchState => {
      let state = from
      while (state.stage !== "settled") state = searchStep(problem, options, state)[0]
      return state
    }
    const start = initSearch(problem, options)
    const end = finish(start)
    const seen = new Set<string>()
    let state = start
    while (state.stage !== "settled") {
      if (!seen.has(state.stage)) assert.deepStrictEqual(finish(structuredClone(state)), end)
      seen.add(state.stage)
      state = searchStep(problem, options, state)[0]
    }
    assert.deepStrictEqual([...seen].toSorted(), ["annealing", "assignment", "start", "trial"])
    assert.isAbove(settlingSwaps(shape, "columns"), 0)
  })

  it("is never worse with more swaps than W's own order", () => {
    const shape: KroneckerShape = { terms: 3, left: [8, 6], right: [2, 4] }
    const w = normal(8, 16 * 24)
    const problem = kroneckerProblem(w, shape, host)
    const own = relativeErrorOf(
      problem,
      principalSpace(problem, gramOf(problem, identityArrangement(shape))).objective
    )
    for (const swaps of [0, 1000, 100_000])
      assert.isBelow(search(w, shape, "rows-and-columns", 1, swaps).actual, own)
  })
})
