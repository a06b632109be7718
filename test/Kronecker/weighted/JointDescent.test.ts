import { assert, describe, it } from "@effect/vitest"
import { type Arrangement, identityArrangement } from "../../../src/Kronecker/Arrangement.ts"
import type { KroneckerShape } from "../../../src/Kronecker/Contraction.ts"
import { nearestKroneckerSum } from "../../../src/Kronecker/NearestKroneckerSum.ts"
import {
  initJointDescent,
  type JointProblem,
  type JointState,
  jointDescentStep,
  jointProblem,
  lowRankIn,
  stepsOf
} from "../../../src/Kronecker/weighted/JointDescent.ts"
import {
  arranged,
  expanded,
  type Factors,
  type WeightedProblem,
  weightedProblem
} from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { squaredErrorIn, type Weighting } from "../../../src/Weight/index.ts"
import { normal, planted } from "../planted.ts"
import { correlated, kroneckerProduct, sidesOf, weightings } from "./problems.ts"

const shape: KroneckerShape = { terms: 2, left: [5, 6], right: [3, 2] }
const [inputs, outputs] = sidesOf(shape)
const outputMetric = correlated(4, outputs)

const startOf = (seed: number, { terms, left, right }: KroneckerShape): Factors => ({
  left: normal(seed, terms * left[0] * left[1]),
  right: normal(seed + 1, terms * right[0] * right[1])
})

const settled = (joint: JointProblem, factors: Factors): JointState => {
  let state = initJointDescent(joint, factors)
  while (!state.isSettled) state = jointDescentStep(joint, state)[0]
  return state
}

const jointOf = (
  problem: WeightedProblem,
  arrangement: Arrangement,
  rank: number,
  metric: Float64Array | undefined
): JointProblem => jointProblem(problem, arrangement, arranged(problem, arrangement), rank, metric)

const arrangementOf = (seed: number): Arrangement => planted(seed, shape).arrangement

describe("sums and low ranks together", () => {
  it("the error is that of the two, and the descent minus half its gradient", () => {
    const w = normal(1, inputs * outputs)
    const arrangement = arrangementOf(2)
    for (const [, weighting] of weightings(inputs))
      for (const metric of [outputMetric, undefined])
        for (const rank of [0, 3]) {
          const problem = weightedProblem(w, shape, weighting, host)
          const joint = jointOf(problem, arrangement, rank, metric)
          const state = initJointDescent(joint, startOf(5, shape))
          const { factors, squaredError, descent } = state.current
          const lowRank = lowRankIn(joint, state)
          const sum = expanded(factors, shape, arrangement, host)
          const part = lowRank && host.multiply(lowRank.left, lowRank.right, inputs, rank, outputs)
          const rest = sum.map((value, e) => problem.w[e] - value - (part?.[e] ?? 0))
          assert.closeTo(
            squaredError / squaredErrorIn(scaled(weighting), metric, rest, outputs, host),
            1,
            1e-9
          )
          for (const [side, place] of [
            ["left", 7],
            ["left", 44],
            ["right", 3],
            ["right", 9]
          ] as const) {
            const moved = (by: number) => ({
              ...factors,
              [side]: factors[side].map((value, e) => (e === place ? value + by : value))
            })
            const step = 1e-5
            const slope = (errorAt(joint, moved(step)) - errorAt(joint, moved(-step))) / (2 * step)
            const own = descent[side === "left" ? place : factors.left.length + place]
            assert.closeTo(-slope / 2, own, 1e-4 * (1 + Math.abs(own)))
          }
        }
  })

  it("finds a sum that a low rank lies upon, but for a hundredth of what the sum alone misses", () => {
    const { w: sum, arrangement } = planted(3, shape)
    const [u, v] = [normal(6, inputs * 2), normal(7, 2 * outputs)]
    const both = host.multiply(u, v, inputs, 2, outputs).map((value, e) => value + 6 * sum[e])
    for (const [, weighting] of weightings(inputs)) {
      const problem = weightedProblem(both, shape, weighting, host)
      const nearest = nearestKroneckerSum(problem.w, shape, arrangement, host)
      const errorOf = (rank: number) =>
        settled(jointOf(problem, arrangement, rank, outputMetric), nearest).current.squaredError
      assert.isBelow(errorOf(2), 0.01 * errorOf(0))
    }
  })

  it("where both metrics are products, it is the nearest sum between their roots", () => {
    const c = [correlated(2, 5), correlated(3, 3)] as const
    const m = [correlated(8, 6), correlated(9, 2)] as const
    const weighting = { covariance: kroneckerProduct(c[0], 5, c[1], 3) }
    const metric = kroneckerProduct(m[0], 6, m[1], 2)
    const w = normal(1, inputs * outputs)
    const problem = weightedProblem(w, shape, weighting, host)
    const [rootC, rootM] = [host.cholesky(weighting.covariance, inputs), host.cholesky(metric, outputs)]
    const seen = host.multiply(
      host.multiply(rootC, problem.w, inputs, inputs, outputs, { transposeA: true }),
      rootM,
      inputs,
      outputs,
      outputs
    )
    const identity = identityArrangement(shape)
    // The roots of products are products of roots, so that sums stay sums between them.
    const least = nearestKroneckerSum(seen, shape, identity, host).relativeError
    const { current } = settled(jointOf(problem, identity, 0, metric), startOf(5, shape))
    const whole = squaredErrorIn(scaled(weighting), metric, problem.w, outputs, host)
    assert.closeTo(Math.sqrt(current.squaredError / whole) / least, 1, 1e-3)
  })

  it("no step raises the error, and the state decides what follows", () => {
    const w = normal(1, inputs * outputs)
    for (const [, weighting] of weightings(inputs)) {
      const problem = weightedProblem(w, shape, weighting, host)
      for (const keepsCurvature of [false, true]) {
        const joint = { ...jointOf(problem, arrangementOf(2), 2, outputMetric), keepsCurvature }
        let state = initJointDescent(joint, startOf(5, shape))
        const first = state.current.squaredError
        while (!state.isSettled) {
          const before = state
          const copied = structuredClone(before)
          state = jointDescentStep(joint, before)[0]
          assert.deepStrictEqual(jointDescentStep(joint, copied)[0], state)
          assert.isAtMost(state.current.squaredError, before.current.squaredError)
        }
        assert.isBelow(state.current.squaredError, 0.8 * first)
      }
    }
  })

  it("from near, a curvature that is kept leads nearly as near, and is taken anew where it has led astray", () => {
    const w = normal(1, inputs * outputs)
    for (const [, weighting] of weightings(inputs)) {
      const problem = weightedProblem(w, shape, weighting, host)
      const joint = jointOf(problem, arrangementOf(2), 0, outputMetric)
      const keeping = { ...joint, keepsCurvature: true }
      const near = nearestKroneckerSum(problem.w, shape, arrangementOf(2), host)
      const [renewed, kept] = [joint, keeping].map((one) => settled(one, near).current.squaredError)
      assert.isBelow(kept, 1.1 * renewed)
      let state = initJointDescent(keeping, startOf(5, shape))
      while (!state.isSettled) {
        const [next] = jointDescentStep(keeping, state)
        if (next.pairs.length === 0) assert.isUndefined(next.curvature)
        else if (state.curvature !== undefined) assert.strictEqual(next.curvature, state.curvature)
        state = next
      }
    }
  })
})

it("takes 40 steps up to 390,000 numbers, then fewer, and never less than six", () => {
  const counts = [1000, 393_216, 768 * 768, 3072 * 768, 1 << 24].map(stepsOf)
  assert.deepStrictEqual(counts, [40, 40, 22, 6, 6])
})

/** As the problem has it: in units of the mean diagonal. */
const scaled = (weighting: Weighting): Weighting => {
  if ("rows" in weighting) {
    const mean = weighting.rows.reduce((sum, row) => sum + row * row, 0) / inputs
    return { rows: weighting.rows.map((row) => row / Math.sqrt(mean)) }
  }
  let trace = 0
  for (let i = 0; i < inputs; i++) trace += weighting.covariance[i * (inputs + 1)]
  return { covariance: weighting.covariance.map((value) => (value * inputs) / trace) }
}

/** Balanced or not, factors make the same sum. */
const errorAt = (joint: JointProblem, factors: Factors): number =>
  initJointDescent(joint, factors).current.squaredError
