import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key, stream } from "../../../src/Random/index.ts"
import { importance, type Observation, Parameter, Space } from "../../../src/TetraOpt/index.ts"
import { uniformRow } from "../../../src/TetraOpt/samplers/UniformRow.ts"

const { categorical, conditional, float } = Parameter

const space = Space.make({
  strong: categorical(["a", "b", "c"]),
  weak: float(0, 1),
  left: categorical([0, 1]),
  right: categorical([0, 1]),
  nothing: float(0, 1),
  sometimes: conditional(float(0, 1), { strong: ["a"] })
})

const observed = (lossOf: (row: Float64Array) => number, count: number) =>
  Effect.map(space, (space): ReadonlyArray<Observation> => {
    const random = stream(key("importance"))
    return Array.from({ length: count }, () => {
      const row = uniformRow(space, random)
      return { row, loss: lossOf(row) }
    })
  })

describe("importance", () => {
  it.effect("tells what matters from what does not, alone or in a pair", () =>
    Effect.gen(function* () {
      const told = yield* observed((row) => 3 * row[0] + row[1] + (row[2] === row[3] ? 1.5 : 0), 150)
      const [strong, weak, left, right, nothing, sometimes] = importance(told, yield* space)
      assert.strictEqual(strong.name, "strong")
      assert.isAbove(strong.main, 0.6)
      assert.isAbove(strong.main, weak.main)
      assert.isBelow(left.main, 0.03)
      assert.isAbove(left.total, 0.03)
      assert.isAbove(right.total, 0.03)
      for (const { total } of [nothing, sometimes]) assert.isBelow(total, 0.02)
      const alone = [strong, weak, left, right, nothing, sometimes].reduce((sum, { main }) => sum + main, 0)
      assert.isAtMost(alone, 1)
      for (const one of [strong, weak, left, right]) assert.isAtLeast(one.total, one.main - 1e-9)
    })
  )

  it.effect("says nothing where nothing is known", () =>
    Effect.gen(function* () {
      for (const told of [[], yield* observed(() => 1, 30), yield* observed(() => Number.NaN, 30)])
        assert.isTrue(importance(told, yield* space).every(({ main, total }) => main === 0 && total === 0))
    })
  )
})
