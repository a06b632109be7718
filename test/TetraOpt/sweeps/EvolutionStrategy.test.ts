import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import {
  absorbOffspring,
  type EvolutionStrategy,
  evolutionStrategy,
  proposeOffspring,
  usualOffspring
} from "../../../src/TetraOpt/sweeps/EvolutionStrategy.ts"
import type { Mode } from "../../../src/TetraOpt/index.ts"
import { modes, sum } from "./searching.ts"

const evolve = (
  space: ReadonlyArray<Mode>,
  strategy: EvolutionStrategy,
  f: (row: Float64Array) => number,
  most: number
): number => {
  const random = stream(key("evolution"))
  const d = space.length
  let evaluations = 0
  while (!strategy.isOver && evaluations < most) {
    const { rows, count } = proposeOffspring(strategy, space, random)
    evaluations += count
    absorbOffspring(
      strategy,
      Float64Array.from({ length: count }, (_, i) => f(rows.subarray(i * d, (i + 1) * d))),
      count
    )
  }
  return evaluations
}

// An ellipsoid with axes of 1 to 1000, turned in each pair of coordinates.
const ellipsoid = (row: Float64Array): number => {
  const n = row.length
  let total = 0
  for (let k = 0; k < n; k += 2) {
    const [x, y] = [row[k] - 0.4, row[k + 1] - 0.7]
    total += 10 ** ((6 * k) / n) * (x + y) ** 2 + 10 ** ((6 * (k + 1)) / n) * (x - y) ** 2
  }
  return total
}

describe("EvolutionStrategy", () => {
  it("finds the bottom of an ill-conditioned ellipsoid that lies along no axis", () => {
    const space = modes(10, 0, true)
    const strategy = evolutionStrategy(space, new Float64Array(10).fill(0.5), 0.1, usualOffspring(10))
    const evaluations = evolve(space, strategy, ellipsoid, 20_000)
    assert.isBelow(strategy.best, 1e-25)
    assert.isBelow(evaluations, 12_000)
  })

  it("learns the axes alone beyond 128 modes", () => {
    const space = modes(130, 0, true)
    const strategy = evolutionStrategy(space, new Float64Array(130).fill(0.5), 0.1, usualOffspring(130))
    assert.strictEqual(strategy.transform.length, 130)
    evolve(space, strategy, (row) => sum(row, (x, k) => 10 ** ((2 * k) / 130) * (x - 0.3) ** 2), 60_000)
    assert.isBelow(strategy.best, 1e-10)
  })

  it("stays in the box, and moves no mode without nearness", () => {
    const space = [...modes(3, 0, true), ...modes(1, 4), ...modes(1, 1000, true)]
    const base = Float64Array.of(0.5, 0.5, 0.5, 2, 500)
    const strategy = evolutionStrategy(space, base, 0.3, 8)
    evolve(
      space,
      strategy,
      (row) => {
        assert.isTrue(row.subarray(0, 3).every((x) => x >= 0 && x <= 1))
        assert.strictEqual(row[3], 2)
        assert.isTrue(Number.isInteger(row[4]) && row[4] >= 0 && row[4] <= 999)
        return row[0] + row[1] + row[2] + Math.abs(row[4] - 700) / 1000
      },
      3000
    )
    assert.isBelow(strategy.best, 0.05)
  })

  it("is over where all points fail, and where all are alike", () => {
    const space = modes(2, 0, true)
    for (const value of [Infinity, 3]) {
      const strategy = evolutionStrategy(space, Float64Array.of(0.5, 0.5), 0.1, 6)
      evolve(space, strategy, () => value, 600)
      assert.isTrue(strategy.isOver)
      assert.strictEqual(strategy.generation, 1)
    }
  })

  it("is over where most of a generation was known, however many of it fail", () => {
    const space = modes(2, 0, true)
    const losses = Float64Array.of(Infinity, 3, Infinity, Infinity, 2, Infinity)
    for (const [unseen, isOver] of [
      [2, true],
      [3, false],
      [6, false]
    ] as const) {
      const strategy = evolutionStrategy(space, Float64Array.of(0.5, 0.5), 0.1, 6)
      proposeOffspring(strategy, space, stream(key("known")))
      absorbOffspring(strategy, losses, unseen)
      assert.strictEqual(strategy.isOver, isOver)
    }
  })
})
