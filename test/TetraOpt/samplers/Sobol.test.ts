import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import { Parameter, sobol, Space } from "../../../src/TetraOpt/index.ts"
import { SobolSequence } from "../../../src/TetraOpt/samplers/sobol/SobolSequence.ts"

describe("SobolSequence", () => {
  it("begins as it is known to", () => {
    // scipy.stats.qmc.Sobol(5, scramble=False).random(8), scipy 1.17.1
    const expected = [
      [0, 0, 0, 0, 0],
      [0.5, 0.5, 0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25, 0.25, 0.75],
      [0.25, 0.75, 0.75, 0.75, 0.25],
      [0.375, 0.375, 0.625, 0.875, 0.375],
      [0.875, 0.875, 0.125, 0.375, 0.875],
      [0.625, 0.125, 0.875, 0.625, 0.625],
      [0.125, 0.625, 0.375, 0.125, 0.125]
    ]
    const sequence = new SobolSequence([0, 0, 0, 0, 0])
    assert.deepStrictEqual(
      expected.map((_, i) => [...sequence.point(i)]),
      expected
    )
  })

  it("agrees with scipy in dimensions 1, 2, 3, 10, 61 and 128", () => {
    const sequence = new SobolSequence(new Uint32Array(128))
    const at = (index: number) => [0, 1, 2, 9, 60, 127].map((k) => sequence.point(index)[k])
    assert.deepStrictEqual(
      at(1000),
      [0.2197265625, 0.0966796875, 0.5185546875, 0.0693359375, 0.4462890625, 0.5439453125]
    )
    assert.deepStrictEqual(
      at(777),
      [0.6923828125, 0.9365234375, 0.1630859375, 0.3232421875, 0.5126953125, 0.1181640625]
    )
  })

  it("has a point in each of 256 equal intervals of every dimension, shifted or not", () => {
    const shifts = Array.from({ length: 128 }, (_, k) => (k * 0x9e3779b1) >>> 0)
    const points = Array.from({ length: 256 }, (_, i) => new SobolSequence(shifts).point(i))
    for (let k = 0; k < 128; k++)
      assert.strictEqual(new Set(points.map((point) => Math.floor(256 * point[k]))).size, 256)
  })
})

describe("sobol", () => {
  it.effect("spreads over levels and scales evenly", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({
        x: Parameter.float(0, 1),
        rate: Parameter.float(1e-4, 1, { scale: "log" }),
        kind: Parameter.categorical(["a", "b", "c", "d"])
      })
      const rows = sobol.start({ space, key: key(1) }).propose({ told: [], pending: [] }, 64)
      for (let k = 0; k < 2; k++)
        assert.strictEqual(new Set(rows.map((row) => Math.floor(64 * row[k]))).size, 64)
      for (let level = 0; level < 4; level++)
        assert.strictEqual(rows.filter((row) => row[2] === level).length, 16)
    })
  )
})
