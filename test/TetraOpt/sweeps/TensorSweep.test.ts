import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { absorbCore, isFinished, proposeCore, tensorSweep } from "../../../src/TetraOpt/sweeps/TensorSweep.ts"
import { sum } from "./searching.ts"

/** One sweep over the levels 0..levels - 1 of each core from one point: the least loss, and how many blocks there were. */
const sweep = (cores: number, levels: number, rank: number, f: (row: Float64Array) => number) => {
  const train = tensorSweep(
    {
      window: Int32Array.from({ length: cores }, (_, k) => k),
      base: new Float64Array(cores),
      candidates: Array.from({ length: cores }, () => Float64Array.from({ length: levels }, (_, i) => i)),
      elite: Int32Array.from({ length: 3 * cores }, (_, e) => (e * e) % levels)
    },
    rank
  )
  let blocks = 0
  for (; !isFinished(train); blocks++) {
    const { rows, count } = proposeCore(train)
    assert.strictEqual(rows.length, count * cores)
    absorbCore(
      train,
      Float64Array.from({ length: count }, (_, i) => f(rows.subarray(i * cores, (i + 1) * cores)))
    )
  }
  return { best: train.best, blocks }
}

describe("TensorSweep", () => {
  it("finds the minimum of a sum of functions of one coordinate each with rank 1, in one pass", () => {
    const random = stream(key("rank 1"))
    const tables = Array.from({ length: 6 }, () => Float64Array.from({ length: 5 }, () => random.normal()))
    const { best, blocks } = sweep(6, 5, 1, (row) => sum(row, (level, k) => tables[k][level]))
    assert.closeTo(
      best,
      sum(
        tables.map((table) => Math.min(...table)),
        (x) => x
      ),
      1e-12
    )
    assert.strictEqual(blocks, 12)
  })

  it("moves no mode outside its window", () => {
    const train = tensorSweep(
      {
        window: Int32Array.of(1, 3),
        base: Float64Array.of(0.1, 0.2, 0.3, 0.4),
        candidates: [Float64Array.of(0.2, 0.7), Float64Array.of(0.4, 0.9)],
        elite: Int32Array.of(0, 0)
      },
      2
    )
    while (!isFinished(train)) {
      const { rows, count } = proposeCore(train)
      for (let i = 0; i < count; i++) assert.deepStrictEqual([rows[4 * i], rows[4 * i + 2]], [0.1, 0.3])
      absorbCore(
        train,
        Float64Array.from({ length: count }, (_, i) => -rows[4 * i + 1] - rows[4 * i + 3])
      )
    }
    assert.closeTo(train.best, -1.6, 1e-12)
  })

  it("goes on where all points fail, or all are alike", () => {
    assert.strictEqual(sweep(4, 3, 3, () => Infinity).best, Infinity)
    assert.strictEqual(sweep(4, 3, 3, () => 2).best, 2)
  })
})
