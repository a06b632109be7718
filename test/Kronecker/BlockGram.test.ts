import { assert, describe, it } from "@effect/vitest"
import type { Arrangement } from "../../src/Kronecker/Arrangement.ts"
import { blockGram, forEachBatchOfBlocks } from "../../src/Kronecker/BlockGram.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { key, stream } from "../../src/Random/index.ts"
import { assertClose } from "../assertClose.ts"
import { normal } from "./planted.ts"

// The first is read in several parts, its rows of blocks not a multiple of what a part holds; of the last one row of blocks is more than a part.
const shapes: ReadonlyArray<KroneckerShape> = [
  { terms: 1, left: [301, 40], right: [3, 5] },
  { terms: 1, left: [7, 3], right: [4, 2] },
  { terms: 1, left: [2, 7000], right: [4, 5] }
]

describe("the rearrangement of Van Loan and Pitsianis", () => {
  for (const shape of shapes) {
    const {
      left: [m1, n1],
      right: [m2, n2]
    } = shape
    const size = m2 * n2
    const outputs = n1 * n2
    const numbers = stream(key(2))
    const w = normal(1, m1 * m2 * outputs)
    const arrangement: Arrangement = {
      rows: numbers.permutation(m1 * m2),
      columns: numbers.permutation(outputs)
    }
    const rearranged = new Float64Array(w.length)
    for (let i = 0; i < m1 * m2; i++)
      for (let j = 0; j < outputs; j++) {
        const block = Math.floor(i / m2) * n1 + Math.floor(j / n2)
        rearranged[block * size + (i % m2) * n2 + (j % n2)] =
          w[arrangement.rows[i] * outputs + arrangement.columns[j]]
      }

    it(`reads every block of (${m1}, ${n1}) x (${m2}, ${n2}) once, in order`, () => {
      const read = new Float64Array(w.length)
      let next = 0
      forEachBatchOfBlocks(w, shape, arrangement, (blocks, first) => {
        assert.strictEqual(first, next)
        read.set(blocks, first * size)
        next = first + blocks.length / size
      })
      assert.strictEqual(next, m1 * n1)
      assert.deepStrictEqual(read, rearranged)
    })

    it(`has its Gram matrix, symmetric to the last bit, for (${m1}, ${n1}) x (${m2}, ${n2})`, () => {
      const gram = blockGram(w, shape, arrangement, host)
      const expected = host.multiply(rearranged, rearranged, size, m1 * n1, size, { transposeA: true })
      assertClose(gram, expected, 1e-12 * m1 * n1)
      for (let a = 0; a < size; a++)
        for (let b = 0; b < a; b++) assert.strictEqual(gram[a * size + b], gram[b * size + a])
    })
  }
})
