import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  cheapestOrder,
  multiplications,
  contractLeftFirst,
  contractRightFirst,
  type KroneckerShape,
  transposedShape
} from "../../src/Kronecker/Contraction.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { assertClose, multiply, normals } from "../Weight/WeightContract.ts"

const cFc: KroneckerShape = { terms: 4, left: [384, 768], right: [2, 4] }
const cProj: KroneckerShape = { terms: 4, left: [768, 384], right: [4, 2] }

describe("contraction", () => {
  it("costs what the multiplications of GPT-2's layers count up to", () => {
    const dense = 768 * 3072
    assert.strictEqual(multiplications(cFc, "right-first", 1) / dense, 2 + 4 / 768)
    assert.strictEqual(multiplications(cFc, "left-first", 1) / dense, 1 + 4 / 384)
    assert.strictEqual(multiplications(cProj, "right-first", 1) / dense, 1 + 4 / 384)
    assert.strictEqual(multiplications(cProj, "left-first", 1) / dense, 2 + 4 / 768)
    assert.strictEqual(multiplications(cFc, "dense-first", 100) / dense, 104)
  })

  it("is done in the cheapest order: A or B first for few rows, by the matrix for many", () => {
    assert.strictEqual(cheapestOrder(cFc, 1), "left-first")
    assert.strictEqual(cheapestOrder(cProj, 1), "right-first")
    assert.strictEqual(cheapestOrder(cFc, 2048), "dense-first")
    // An embedding as the head: four times cheaper than the matrix for any number of rows.
    const head = transposedShape({ terms: 1, left: [50257, 192], right: [1, 4] })
    assert.strictEqual(cheapestOrder(head, 1 << 20), "right-first")
    assert.closeTo(multiplications(head, "right-first", 1) / (50257 * 768), 1 / 4, 1e-4)
  })

  const shapes: ReadonlyArray<KroneckerShape> = [
    { terms: 3, left: [2, 5], right: [4, 3] },
    { terms: 1, left: [6, 2], right: [1, 4] },
    { terms: 2, left: [1, 3], right: [2, 1] },
    { terms: 1, left: [4, 1], right: [3, 2] }
  ]
  for (const shape of shapes)
    it.effect(`gives one product in both orders: ${JSON.stringify(shape)}`, () =>
      Effect.gen(function* () {
        const {
          terms,
          left: [m1, n1],
          right: [m2, n2]
        } = shape
        const a = normals("a", terms * m1 * n1)
        const b = normals("b", terms * m2 * n2)
        const [m, n] = [m1 * m2, n1 * n2]
        const w = Float64Array.from({ length: m * n }, (_, index) => {
          const [i, j] = [Math.floor(index / n), index % n]
          let sum = 0
          for (let r = 0; r < terms; r++)
            sum +=
              a[(r * m1 + Math.floor(i / m2)) * n1 + Math.floor(j / n2)] *
              b[(r * m2 + (i % m2)) * n2 + (j % n2)]
          return sum
        })
        const turned = w.map((_, index) => w[(index % m) * n + Math.floor(index / m)])
        const left = yield* Tensor.fromArray(a, [terms, m1, n1])
        const right = yield* Tensor.fromArray(b, [terms, m2, n2])
        for (const rows of [1, 3]) {
          const values = normals("x", rows * Math.max(m, n))
          for (const transposed of [false, true]) {
            const [inputs, outputs] = transposed ? [n, m] : [m, n]
            const numbers = values.subarray(0, rows * inputs)
            const x = yield* Tensor.fromArray(numbers, [rows, inputs])
            const expected = multiply(numbers, transposed ? turned : w, rows, inputs, outputs)
            for (const contract of [contractLeftFirst, contractRightFirst]) {
              const y = yield* compute((t) => contract(t, x, { left, right, transposed }))
              assert.deepStrictEqual(y.shape, [rows, outputs])
              assertClose(yield* Tensor.toArray(y), expected)
            }
          }
        }
      }).pipe(Effect.provide(Mock.layer()))
    )
})
