import { assert, describe, it } from "@effect/vitest"
import { key } from "../../../src/Random/index.ts"
import { advantages, freshEnvironments, gather } from "../../../src/UVIP/simulation/Experience.ts"
import { actingAtRandom, simulator, startAt } from "../../../src/UVIP/index.ts"

/** Counts up from 0, reward 1 a step, and ends at `last`. */
const counter = (last: number) =>
  simulator({
    name: "counter",
    stateSize: 1,
    actions: 2,
    discount: 0.5,
    valueBounds: [0, 2],
    transition: ([state], _, __, next) => {
      next[0] = state + 1
      return { reward: 1, terminated: next[0] === last }
    }
  })

const seen = (last: number, maxSteps: number, length: number) => {
  const source = counter(last)
  const fresh = freshEnvironments(source, 2, startAt(0), key(1))
  return gather(source, actingAtRandom(2), fresh, {
    length,
    maxSteps,
    initialState: startAt(0),
    key: key(2)
  })
}

describe("gather", () => {
  it("begins anew after a termination, and keeps the state that was reached", () => {
    const [next, { states, nextStates, terminated, truncated, finished }] = seen(3, 100, 4)
    assert.deepStrictEqual([...states], [0, 0, 1, 1, 2, 2, 0, 0])
    assert.deepStrictEqual([...nextStates], [1, 1, 2, 2, 3, 3, 1, 1])
    assert.deepStrictEqual([...terminated], [0, 0, 0, 0, 1, 1, 0, 0])
    assert.isFalse(truncated.includes(1))
    assert.deepStrictEqual(finished, [3, 3])
    assert.deepStrictEqual([...next.steps], [1, 1])
  })

  it("truncates after maxSteps, unless the episode ends in that very step", () => {
    const [, cut] = seen(3, 2, 2)
    assert.deepStrictEqual([...cut.truncated], [0, 0, 1, 1])
    assert.isFalse(cut.terminated.includes(1))
    const [, ended] = seen(2, 2, 2)
    assert.deepStrictEqual([...ended.terminated], [0, 0, 1, 1])
    assert.isFalse(ended.truncated.includes(1))
  })
})

describe("advantages", () => {
  const values = Float64Array.of(10, 10, 20, 20, 30, 30, 10, 10)
  const nextValues = Float64Array.of(20, 20, 30, 30, 1e9, 1e9, 20, 20)

  it("bootstrap nothing after a termination", () => {
    const [, experience] = seen(3, 100, 4)
    const found = advantages(experience, values, nextValues, 0.5, 0.8)
    // d = 1 + 20 / 2 - 10 = 1, 1 + 30 / 2 - 20 = -4, 1 - 30 = -29; then an episode of its own.
    assert.closeTo(found[4], -29, 1e-12)
    assert.closeTo(found[2], -4 + 0.4 * -29, 1e-12)
    assert.closeTo(found[0], 1 + 0.4 * (-4 + 0.4 * -29), 1e-12)
    assert.closeTo(found[6], 1, 1e-12)
  })

  it("bootstrap the value of the state reached after a truncation, and stop there", () => {
    const [, experience] = seen(1000, 3, 4)
    const found = advantages(
      experience,
      values,
      nextValues.map((v) => Math.min(v, 40)),
      0.5,
      0.8
    )
    assert.closeTo(found[4], 1 + 40 / 2 - 30, 1e-12)
    assert.closeTo(found[2], -4 + 0.4 * -9, 1e-12)
  })
})
