import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { askedPoints, lookUp } from "../../../src/TetraOpt/sweeps/AskedPoints.ts"

const lookedUp = (points: ReturnType<typeof askedPoints>, rows: Float64Array, count: number, d: number) => {
  const [entries, fresh] = [new Int32Array(count), new Int32Array(count)]
  const found = lookUp(points, rows, count, d, entries, fresh)
  return { entries: [...entries], fresh: [...fresh.subarray(0, found)] }
}

describe("AskedPoints", () => {
  it("tells new rows from those that were entered, within a batch too", () => {
    const points = askedPoints(5)
    assert.deepStrictEqual(lookedUp(points, Float64Array.of(1, 2, 3, 4, 1, 2), 3, 2), {
      entries: [0, 1, 0],
      fresh: [0, 1]
    })
    assert.deepStrictEqual(lookedUp(points, Float64Array.of(5, 6, 3, 4, 2, 1), 3, 2), {
      entries: [2, 1, 3],
      fresh: [0, 2]
    })
  })

  it("looks at no more rows than it is told", () => {
    const points = askedPoints(5)
    lookedUp(points, Float64Array.of(1, 2, 3, 4), 2, 1)
    assert.strictEqual(points.count, 2)
  })

  it("tells 200,000 rows of small integers apart, and 200,000 that differ in the last bits, with more room than it began with", () => {
    const rows = new Float64Array(200_000 * 3).map(
      (_, e) => Math.floor(Math.floor(e / 3) / 60 ** (e % 3)) % 60
    )
    assert.strictEqual(lookedUp(askedPoints(1), rows, 200_000, 3).fresh.length, 200_000)
    const base = stream(key(3)).uniform()
    const close = new Float64Array(200_000).map((_, i) => base + i * 2 ** -52)
    assert.strictEqual(lookedUp(askedPoints(1e9), close, 200_000, 1).fresh.length, 200_000)
  })
})
