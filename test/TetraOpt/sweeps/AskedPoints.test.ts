import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { askedPoints, lookUp } from "../../../src/TetraOpt/sweeps/AskedPoints.ts"

describe("AskedPoints", () => {
  it("tells new rows from those that were entered, within a batch too", () => {
    const points = askedPoints()
    const first = lookUp(points, Float64Array.of(1, 2, 3, 4, 1, 2), 3, 2)
    assert.deepStrictEqual([...first.entries], [0, 1, 0])
    assert.deepStrictEqual([...first.fresh], [0, 1])
    const second = lookUp(points, Float64Array.of(5, 6, 3, 4, 2, 1), 3, 2)
    assert.deepStrictEqual([...second.entries], [2, 1, 3])
    assert.deepStrictEqual([...second.fresh], [0, 2])
  })

  it("looks at no more rows than it is told", () => {
    const points = askedPoints()
    lookUp(points, Float64Array.of(1, 2, 3, 4), 2, 1)
    assert.strictEqual(points.count, 2)
  })

  it("tells 200,000 rows of small integers apart, and 200,000 that differ in the last bit", () => {
    const random = stream(key(3))
    const points = askedPoints()
    const rows = new Float64Array(200_000 * 3).map(
      (_, e) => Math.floor(Math.floor(e / 3) / 60 ** (e % 3)) % 60
    )
    assert.strictEqual(lookUp(points, rows, 200_000, 3).fresh.length, 200_000)
    const base = random.uniform()
    const close = new Float64Array(200_000).map((_, i) => base + i * 2 ** -52)
    assert.strictEqual(lookUp(askedPoints(), close, 200_000, 1).fresh.length, 200_000)
  })
})
