import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { EvaluationCache } from "../../../src/TensorTrain/index.ts"

describe("EvaluationCache", () => {
  it("asks for each row once, and gives each its own value, through thousands of rows and repetitions", () => {
    const cache = new EvaluationCache(3)
    const reference = new Map<string, number>()
    const random = stream(key(1))
    for (let batch = 0; batch < 40; batch++) {
      const rows = Int32Array.from({ length: 3 * 200 }, () => random.integer(20) - 3)
      const { entries, start, missing } = cache.lookUp(rows)
      const values = Array.from({ length: missing.length / 3 }, () => random.uniform())
      cache.store(start, values)
      values.forEach((value, at) => {
        const name = missing.subarray(3 * at, 3 * at + 3).join()
        assert.isFalse(reference.has(name))
        reference.set(name, value)
      })
      entries.forEach((entry, row) => {
        const index = rows.subarray(3 * row, 3 * row + 3)
        assert.strictEqual(cache.value(entry), reference.get(index.join()))
        assert.deepStrictEqual(cache.row(entry), index.slice())
      })
    }
    assert.strictEqual(cache.size, reference.size)
  })

  it("forgets the rows whose values did not come", () => {
    const cache = new EvaluationCache(2)
    cache.store(cache.lookUp(Int32Array.of(1, 2)).start, [5])
    const { start } = cache.lookUp(Int32Array.of(1, 2, 3, 4, 5, 6))
    cache.truncate(start)
    assert.strictEqual(cache.size, 1)
    assert.deepStrictEqual([...cache.lookUp(Int32Array.of(5, 6, 1, 2)).missing], [5, 6])
    assert.strictEqual(cache.value(0), 5)
  })
})
