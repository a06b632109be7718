import { assert, describe, it } from "@effect/vitest"
import { bestMinima, closerPoints, emptyLine, insert } from "../../../src/TetraOpt/sweeps/Line.ts"

const interval = { levels: 0, isOrdered: true }

const lineOf = (points: ReadonlyArray<readonly [number, number]>) => {
  const line = emptyLine(20)
  for (const [coordinate, loss] of points) insert(line, coordinate, loss)
  return line
}

const closer = (
  line: ReturnType<typeof lineOf>,
  mode: { levels: number; isOrdered: boolean },
  minima: number
) => {
  const target = new Float64Array(20)
  return [...target.subarray(0, closerPoints(line, mode, minima, target, 0))]
}

describe("Line", () => {
  it("keeps its points in order, and knows its local minima, best first", () => {
    const line = lineOf([
      [0.5, 3],
      [0.1, 2],
      [0.9, 1],
      [0.3, 5],
      [0.7, Infinity]
    ])
    assert.deepStrictEqual([...line.coordinates.subarray(0, 5)], [0.1, 0.3, 0.5, 0.7, 0.9])
    assert.deepStrictEqual(
      bestMinima(line, 3).map((i) => line.coordinates[i]),
      [0.9, 0.1, 0.5]
    )
    assert.deepStrictEqual(
      bestMinima(line, 1).map((i) => line.coordinates[i]),
      [0.9]
    )
  })

  it("looks where a parabola is least, and halfway to both neighbours", () => {
    const line = lineOf([0.2, 0.5, 0.8].map((x) => [x, (x - 0.47) ** 2] as const))
    const [vertex, left, right] = closer(line, interval, 1)
    assert.closeTo(vertex, 0.47, 1e-12)
    assert.closeTo(left, 0.35, 1e-12)
    assert.closeTo(right, 0.65, 1e-12)
  })

  it("looks at the end of the mode where the best point is the last one", () => {
    const line = lineOf([
      [0.6, 2],
      [0.9, 1]
    ])
    const points = closer(line, interval, 1)
    assert.isTrue(points.includes(1))
    assert.isTrue(points.every((x) => x > 0.6 && x <= 1))
  })

  it("proposes levels, and none that it knows", () => {
    const ordered = { levels: 100, isOrdered: true }
    const far = lineOf([
      [10, 5],
      [20, 1],
      [40, 5]
    ])
    for (const level of closer(far, ordered, 1))
      assert.isTrue(Number.isInteger(level) && level > 10 && level < 40)
    const near = lineOf([
      [10, 5],
      [11, 1],
      [12, 5]
    ])
    assert.deepStrictEqual(closer(near, ordered, 1), [])
  })
})
