import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { fold, Key, key, split, stream } from "../../src/Random/index.ts"

const text = (k: Key) => k.join(",")

describe("Key", () => {
  it("gives distinct keys and distinct first numbers to the seeds 0 .. 1000", () => {
    const seeds = Array.from({ length: 1001 }, (_, seed) => key(seed))
    assert.strictEqual(new Set(seeds.map(text)).size, 1001)
    assert.strictEqual(new Set(seeds.map((k) => stream(k).uniform())).size, 1001)
  })

  it("is a fixed function of the seed", () => {
    assert.deepStrictEqual(key(42), key(42))
    assert.deepStrictEqual(key(0), key(-0))
    assert.notDeepEqual(key(1), key("1"))
    assert.notDeepEqual(key(0.5), key(0.25))
    assert.notDeepEqual(key(""), key("\0"))
    assert.throws(() => key(Number.NaN), RangeError)
  })

  it("spreads neighbouring seeds evenly: their first numbers have uniform mean and no correlation", () => {
    // 4096 consecutive seeds; both statistics are within 4.89 standard errors (false alarm 1e-6 each).
    const first = Array.from({ length: 4096 }, (_, seed) => stream(key(seed)).uniform() - 0.5)
    const mean = first.reduce((sum, x) => sum + x, 0) / 4096
    assert.isBelow(Math.abs(mean), 4.89 * Math.sqrt(1 / 12 / 4096))
    let product = 0
    for (let i = 1; i < 4096; i++) product += first[i] * first[i - 1] * 12
    assert.isBelow(Math.abs(product / 4095), 4.89 / Math.sqrt(4095))
  })

  it("changes about half of a key's bits when one bit of the seed changes", () => {
    let changed = 0
    for (let bit = 0; bit < 32; bit++) {
      const other = key(2 ** bit)
      key(0).forEach((word, i) => {
        for (let x = (word ^ other[i]) >>> 0; x !== 0; x &= x - 1) changed++
      })
    }
    // 32 x 128 fair coins: mean 2048, deviation 32; 4.89 deviations (false alarm 1e-6).
    assert.approximately(changed, 2048, 157)
  })

  it("derives children that neither depend on how many there are nor meet those of fold", () => {
    const root = key("root")
    const children = split(root, 1000)
    assert.deepStrictEqual(split(root, 3), children.slice(0, 3))
    const folded = Array.from({ length: 1000 }, (_, i) => fold(root, i))
    const named = Array.from({ length: 1000 }, (_, i) => fold(root, String(i)))
    assert.strictEqual(new Set([root, ...children, ...folded, ...named].map(text)).size, 3001)
    assert.notDeepEqual(fold(fold(root, "a"), "b"), fold(fold(root, "b"), "a"))
  })

  it("gives children streams that are uncorrelated with their parent and each other", () => {
    const draws = 20_000
    const root = key(7)
    const series = [root, ...split(root, 3), fold(root, "dropout"), fold(root, 0)].map((k) => {
      const values = new Float64Array(draws)
      stream(k).fillNormal(values)
      return values
    })
    // 15 pairs; a correlation has standard error 1/sqrt(draws) (false alarm 1.5e-5 over all pairs).
    for (let a = 0; a < series.length; a++) {
      for (let b = 0; b < a; b++) {
        let sum = 0
        for (let i = 0; i < draws; i++) sum += series[a][i] * series[b][i]
        assert.isBelow(Math.abs(sum / draws), 4.89 / Math.sqrt(draws), `streams ${a} and ${b}`)
      }
    }
  })

  it.effect("survives JSON, and its schema refuses what is not a key", () =>
    Effect.gen(function* () {
      const original = fold(key("seed"), "child")
      const back = yield* Schema.decodeUnknownEffect(Key)(JSON.parse(JSON.stringify(original)))
      assert.deepStrictEqual(back, original)
      const failure = yield* Effect.flip(Schema.decodeUnknownEffect(Key)([1, 2, 3, 2 ** 32]))
      assert.strictEqual(failure._tag, "SchemaError")
    })
  )
})
