import { assert, describe, it } from "@effect/vitest"
import {
  balanced,
  leftStep,
  rightStep,
  sweep
} from "../../../src/Kronecker/weighted/AlternatingLeastSquares.ts"
import type { Arrangement } from "../../../src/Kronecker/Arrangement.ts"
import type { KroneckerShape } from "../../../src/Kronecker/Contraction.ts"
import { arranged, expanded, weightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { normal } from "../planted.ts"
import { sidesOf, squaredNormByLoops, weightings, squaredErrorOf } from "./problems.ts"

const shapes: ReadonlyArray<KroneckerShape> = [
  { terms: 2, left: [6, 5], right: [2, 3] },
  { terms: 3, left: [4, 8], right: [3, 2] },
  { terms: 2, left: [2, 2], right: [5, 6] },
  { terms: 1, left: [10, 4], right: [1, 3] }
]

const cases = shapes.flatMap((shape) =>
  weightings(sidesOf(shape)[0]).map(([name, weighting]) => {
    const [inputs, outputs] = sidesOf(shape)
    const numbers = stream(key(4))
    const arrangement: Arrangement = {
      rows: numbers.permutation(inputs),
      columns: numbers.permutation(outputs)
    }
    const w = normal(1, inputs * outputs)
    const problem = weightedProblem(w, shape, weighting, host)
    const factors = {
      left: normal(2, shape.terms * shape.left[0] * shape.left[1]),
      right: normal(3, shape.terms * shape.right[0] * shape.right[1])
    }
    return {
      title: `${name}, ${shape.terms} terms of [${shape.left}] (x) [${shape.right}]`,
      shape,
      weighting,
      arrangement,
      w,
      problem,
      steps: arranged(problem, arrangement),
      factors
    }
  })
)

describe.each(cases)("$title", ({ shape, weighting, arrangement, w, problem, steps, factors }) => {
  const errorOf = (some: typeof factors) => squaredErrorOf(problem, expanded(some, shape, arrangement, host))

  it("the error in the metric is that of plain loops, up to the problem's units", () => {
    const outputs = sidesOf(shape)[1]
    const approximation = expanded(factors, shape, arrangement, host)
    const difference = w.map((value, e) => value - approximation[e] * problem.unit)
    const expected =
      squaredNormByLoops(weighting, difference, outputs) / squaredNormByLoops(weighting, w, outputs)
    assert.closeTo(errorOf(factors) / problem.squaredNorm, expected, 1e-9 * expected)
  })

  it("what a step says is captured is true, and nothing near captures more", () => {
    for (const [step, moved] of [
      [leftStep, "left"],
      [rightStep, "right"]
    ] as const) {
      const best = step(steps, factors)
      const error = errorOf(best.factors)
      assert.closeTo(problem.squaredNorm - best.captured, error, 1e-6 * problem.squaredNorm)
      for (let seed = 0; seed < 5; seed++) {
        const noise = normal(20 + seed, best.factors[moved].length)
        const changed = best.factors[moved].map((value, e) => value + 1e-3 * noise[e])
        assert.isAbove(errorOf({ ...best.factors, [moved]: changed }), error)
      }
    }
  })

  it("no sweep raises the error", () => {
    let current = leftStep(steps, factors)
    for (let i = 0; i < 20; i++) {
      const next = sweep(steps, current.factors)
      assert.isAtLeast(next.captured, current.captured - 1e-9 * problem.squaredNorm)
      current = next
    }
  })

  it("terms that repeat each other are no obstacle", () => {
    const { terms } = shape
    const size = factors.right.length / terms
    const repeated = factors.right.map((_, e) => factors.right[e % size])
    const best = leftStep(steps, { ...factors, right: repeated })
    assert.closeTo(problem.squaredNorm - best.captured, errorOf(best.factors), 1e-6 * problem.squaredNorm)
  })

  it("balancing changes the sum in nothing", () => {
    assert.closeTo(errorOf(balanced(factors, shape.terms)), errorOf(factors), 1e-9 * errorOf(factors))
  })
})
