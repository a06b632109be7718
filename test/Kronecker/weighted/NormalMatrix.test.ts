import { assert, describe, it } from "@effect/vitest"
import { identityArrangement } from "../../../src/Kronecker/Arrangement.ts"
import type { KroneckerShape } from "../../../src/Kronecker/Contraction.ts"
import {
  leftRoot,
  rightNormal,
  rightProduct,
  rightRoot,
  solvedBy
} from "../../../src/Kronecker/weighted/NormalMatrix.ts"
import { arranged, expanded, weightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { metricTimes } from "../../../src/Weight/index.ts"
import { assertClose } from "../../Weight/WeightContract.ts"
import { normal } from "../planted.ts"
import { sidesOf, weightings } from "./problems.ts"

const shape: KroneckerShape = { terms: 2, left: [5, 3], right: [3, 2] }
const [inputs, outputs] = sidesOf(shape)
const sizes = { left: 2 * 5 * 3, right: 2 * 3 * 2 }
const [left, right] = [normal(1, sizes.left), normal(2, sizes.right)]
const identity = identityArrangement(shape)

describe.each(weightings(inputs))("normal matrices, %s", (_, weighting) => {
  const problem = weightedProblem(normal(3, inputs * outputs), shape, weighting, host)
  const metric = arranged(problem, identity)
  const inUnits = "rows" in weighting ? problem.metric.values.map(Math.sqrt) : problem.metric.values
  const units = "rows" in weighting ? { rows: inUnits } : { covariance: inUnits }
  // <sum of x and B, sum of y and B> in the metric of the inputs is <x, N y> for the N of A.
  const between = (x: Float64Array, y: Float64Array) => {
    const product = metricTimes(units, y, outputs, host)
    return x.reduce((sum, value, e) => sum + value * product[e], 0)
  }

  it("A's root solves what its normal matrix multiplies", () => {
    const y = normal(5, sizes.left)
    const solved = solvedBy(metric, leftRoot(metric, right), y, ...shape.left)
    const image = expanded({ left: solved, right }, shape, identity, host)
    for (let seed = 6; seed < 12; seed++) {
      const x = normal(seed, sizes.left)
      const wanted = x.reduce((sum, value, e) => sum + value * y[e], 0)
      assert.closeTo(between(expanded({ left: x, right }, shape, identity, host), image), wanted, 1e-6)
    }
  })

  it("B's root solves what its normal matrix multiplies, which stays as it is", () => {
    const y = normal(5, sizes.right)
    const matrix = rightNormal(metric, left)
    const before = matrix.slice()
    const solved = solvedBy(metric, rightRoot(metric, matrix), y, ...shape.right)
    assert.deepStrictEqual(matrix, before)
    assertClose(rightProduct(metric, matrix, solved), y, 1e-6)
    const x = normal(6, sizes.right)
    const wanted = x.reduce((sum, value, e) => sum + value * y[e], 0)
    const [one, other] = [x, solved].map((b) => expanded({ left, right: b }, shape, identity, host))
    assert.closeTo(between(one, other), wanted, 1e-6)
  })

  it("the pull is what makes the root of factors that depend on each other", () => {
    const twice = Float64Array.from(right, (_, e) => right[e % (sizes.right / 2)])
    const { values, pull } = leftRoot(metric, twice)
    assert.isAbove(pull, 0)
    assert.isTrue(values.every(Number.isFinite))
  })
})
