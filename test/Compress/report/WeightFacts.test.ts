import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { relativeError } from "../../../src/Compress/index.ts"
import { singularValues } from "../../../src/Compress/report/Spectrum.ts"
import { weightFacts } from "../../../src/Compress/report/WeightFacts.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { Backend } from "../../../src/Tensor/index.ts"
import { onMock } from "../../Layers/onMock.ts"
import { compressedGpt2, tinyGpt2 } from "../../Model/TinyGpt2.ts"

describe("singularValues", () => {
  it.effect("are those of a factorisation, tall and wide, and 0 where the rank ends", () =>
    Effect.gen(function* () {
      const { factorizations: host } = yield* Backend
      const numbers = stream(key(1))
      for (const [rows, columns, rank] of [
        [30, 7, 7],
        [7, 30, 7],
        [12, 12, 12],
        [20, 9, 4],
        // More than one stretch of rows.
        [27_000, 40, 2]
      ]) {
        const left = new Float64Array(rows * rank)
        const right = new Float64Array(rank * columns)
        numbers.fillNormal(left, 0, 1)
        numbers.fillNormal(right, 0, 1)
        const x = host.multiply(left, right, rows, rank, columns)
        const values = yield* singularValues(x, rows, columns, host)
        if (rows < 1000) {
          const { s } = host.svd(x, rows, columns)
          for (let i = 0; i < rank; i++) assert.closeTo(values[i], s[i], 1e-9 * s[0])
        }
        assert.deepStrictEqual(
          Array.from(values.subarray(rank)),
          Array.from({ length: values.length - rank }, () => 0)
        )
        const total = x.reduce((sum, value) => sum + value * value, 0)
        assert.closeTo(values.reduce((sum, value) => sum + value * value, 0) / total, 1, 1e-9)
      }
    }).pipe(onMock)
  )
})

describe("weightFacts", () => {
  it.effect("says the format, the count, the error and the spectrum of each weight", () =>
    Effect.gen(function* () {
      const original = yield* tinyGpt2
      const replaced = yield* compressedGpt2
      const weights = { ...original.weights }
      for (const [name, weight] of Object.entries(replaced.weights))
        if (weight.format !== "dense") weights[name] = weight
      const compressed = { ...original, weights }
      const facts = yield* weightFacts(original, compressed)
      assert.deepStrictEqual(
        facts.map(({ name }) => name),
        Object.keys(weights)
      )
      const changed = facts.filter(({ spectrum }) => spectrum.length > 0)
      assert.deepStrictEqual(
        changed.map(({ name, label, description }) => [name, label, description]),
        [
          ["wte", "Kronecker 1", "Kronecker, 1 term of [11, 4] ⊗ [1, 2]"],
          ["h.0.mlp.c_fc", "Kronecker 2", "Kronecker, 2 terms of [4, 8] ⊗ [2, 4], rows permuted"],
          ["h.1.attn.c_attn", "rank 3", "low rank, 3"],
          [
            "h.1.mlp.c_proj",
            "Kronecker 2",
            "Kronecker, 2 terms of [8, 4] ⊗ [4, 2], rows and columns permuted"
          ]
        ]
      )
      for (const { name, storedParameters, relativeError: error, spectrum } of changed) {
        assert.strictEqual(storedParameters, weights[name].storedParameters)
        const alone = { ...original, weights: { ...original.weights, [name]: weights[name] } }
        assert.closeTo(error, yield* relativeError(alone, original), 1e-12)
        assert.isTrue(
          spectrum.every(({ original: value }, i) => i === 0 || value <= spectrum[i - 1].original)
        )
      }
      // Rank 3: no fourth singular value.
      const lowRank = changed.find(({ name }) => name === "h.1.attn.c_attn")
      assert.deepStrictEqual(
        lowRank?.spectrum.map(({ kept }) => kept > 0),
        [true, true, true, false, false, false, false, false]
      )
    }).pipe(onMock)
  )
})
