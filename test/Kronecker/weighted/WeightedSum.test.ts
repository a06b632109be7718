import { assert, describe, it } from "@effect/vitest"
import { identityArrangement } from "../../../src/Kronecker/Arrangement.ts"
import type { KroneckerShape } from "../../../src/Kronecker/Contraction.ts"
import { nearestKroneckerSum } from "../../../src/Kronecker/NearestKroneckerSum.ts"
import { arranged, expanded, weightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { initWeightedSum, settledSum, weightedSumStep } from "../../../src/Kronecker/weighted/WeightedSum.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { whiten } from "../../../src/Weight/index.ts"
import { normal, planted } from "../planted.ts"
import { correlated, kroneckerProduct, sidesOf, uneven, weightings, squaredErrorOf } from "./problems.ts"

const shape: KroneckerShape = { terms: 2, left: [5, 6], right: [3, 2] }
const [inputs, outputs] = sidesOf(shape)
const identity = identityArrangement(shape)
const w = normal(1, inputs * outputs)

describe("weighted sums", () => {
  it("where C = C1 (x) C2 the start is the optimum: the nearest sum of (L1ᵀ (x) L2ᵀ) W", () => {
    const [c1, c2] = [correlated(2, 5), correlated(3, 3)]
    const roots = [
      [c1, 5],
      [c2, 3]
    ].map(([c, n]) => host.cholesky(c as Float64Array, n as number)) as [Float64Array, Float64Array]
    const root = kroneckerProduct(roots[0], 5, roots[1], 3)
    const rootTransposed = root.map((_, e) => root[(e % inputs) * inputs + Math.floor(e / inputs)])
    const white = host.multiply(rootTransposed, w, inputs, inputs, outputs)
    const expected = nearestKroneckerSum(white, shape, identity, host).relativeError
    const problem = weightedProblem(w, shape, { covariance: kroneckerProduct(c1, 5, c2, 3) }, host)
    const start = initWeightedSum(problem, identity)
    assert.closeTo(Math.sqrt(1 - start.captured / problem.squaredNorm), expected, 1e-7)
    assert.closeTo(
      Math.sqrt(1 - settledSum(problem, identity).captured / problem.squaredNorm),
      expected,
      1e-7
    )
  })

  it("rows in proportion to a product are such a case", () => {
    const [first, second] = [uneven(5, 5), uneven(6, 3)]
    const rows = Float64Array.from({ length: 15 }, (_, i) => first[Math.floor(i / 3)] * second[i % 3])
    const problem = weightedProblem(w, shape, { rows }, host)
    const white = whiten({ rows }, w, outputs, host)
    const start = initWeightedSum(problem, identity)
    assert.closeTo(
      Math.sqrt(1 - start.captured / problem.squaredNorm),
      nearestKroneckerSum(white, shape, identity, host).relativeError,
      1e-7
    )
  })

  it("weights that are all one give the nearest sum", () => {
    const one = new Float64Array(inputs).fill(1)
    const unit = Float64Array.from({ length: inputs * inputs }, (_, e) => (e % (inputs + 1) === 0 ? 1 : 0))
    const expected = nearestKroneckerSum(w, shape, identity, host).relativeError
    for (const weighting of [{ rows: one }, { covariance: unit }]) {
      const problem = weightedProblem(w, shape, weighting, host)
      const { captured } = settledSum(problem, identity)
      assert.closeTo(Math.sqrt(1 - captured / problem.squaredNorm), expected, 1e-7)
    }
  })

  it.each(weightings(inputs))("no sweep raises the error, and it is as stated: %s", (_, weighting) => {
    const problem = weightedProblem(w, shape, weighting, host)
    const steps = arranged(problem, identity)
    let state = initWeightedSum(problem, identity)
    const first = state.captured
    while (!state.isSettled) {
      const [next, info] = weightedSumStep(problem, steps, { sweeps: 30, tolerance: 1e-7 }, state)
      assert.isAtLeast(next.captured, state.captured)
      assert.strictEqual(info.captured, next.captured)
      state = next
    }
    assert.isAbove(state.captured, first)
    const error = squaredErrorOf(problem, expanded(state.factors, shape, identity, host))
    assert.closeTo(error, problem.squaredNorm - state.captured, 1e-6 * problem.squaredNorm)
  })

  it("a diagonal covariance is the same as weighted rows", () => {
    const rows = uneven(8, inputs)
    const covariance = new Float64Array(inputs * inputs)
    rows.forEach((value, i) => {
      covariance[i * inputs + i] = value * value
    })
    const [full, diagonal] = [{ covariance }, { rows }].map((weighting) => {
      const problem = weightedProblem(w, shape, weighting, host)
      return settledSum(problem, identity).captured / problem.squaredNorm
    })
    assert.closeTo(full, diagonal, 1e-6)
  })

  it("planted sums are found exactly in any metric", () => {
    const exact = planted(3, shape, { permuted: false }).w
    for (const [, weighting] of weightings(inputs)) {
      const problem = weightedProblem(exact, shape, weighting, host)
      const { factors } = settledSum(problem, identity)
      const error = squaredErrorOf(problem, expanded(factors, shape, identity, host))
      assert.isBelow(error, 1e-12 * problem.squaredNorm)
    }
  })
})
