import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { cheapestOrder, transposedShape } from "../../src/Kronecker/Contraction.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import { kroneckerCodec, kroneckerWeight } from "../../src/Kronecker/KroneckerWeight.ts"
import { key, stream } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { storedBytes } from "../../src/Weight/index.ts"
import { normals, testWeight } from "../Weight/WeightContract.ts"

interface Planted {
  readonly terms: number
  readonly left: readonly [number, number]
  readonly right: readonly [number, number]
  readonly permuted?: { readonly rows?: boolean; readonly columns?: boolean }
}

/** The parts of a random weight, and its matrix by the definition W[p[i], q[j]] = sum_r A_r[i1, j1] B_r[i2, j2]. */
const plant = ({ terms, left: [m1, n1], right: [m2, n2], permuted = {} }: Planted) => {
  const left = normals("A", terms * m1 * n1)
  const right = normals("B", terms * m2 * n2)
  const rows = permuted.rows ? stream(key("p")).permutation(m1 * m2) : undefined
  const columns = permuted.columns ? stream(key("q")).permutation(n1 * n2) : undefined
  const [m, n] = [m1 * m2, n1 * n2]
  const matrix = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      const [i1, i2, j1, j2] = [Math.floor(i / m2), i % m2, Math.floor(j / n2), j % n2]
      let value = 0
      for (let r = 0; r < terms; r++) value += left[(r * m1 + i1) * n1 + j1] * right[(r * m2 + i2) * n2 + j2]
      matrix[(rows?.[i] ?? i) * n + (columns?.[j] ?? j)] = value
    }
  const make = Effect.gen(function* () {
    const factors = {
      left: yield* Tensor.fromArray(left, [terms, m1, n1]),
      right: yield* Tensor.fromArray(right, [terms, m2, n2])
    }
    return yield* compute((t) => kroneckerWeight(t, { ...factors, rows, columns }))
  })
  return { inputs: m, outputs: n, matrix, make }
}

const sizes: ReadonlyArray<Planted> = [
  // One term, an embedding: a tall left factor and a row.
  { terms: 1, left: [7, 3], right: [1, 4] },
  // GPT-2's c_fc and c_proj in small.
  { terms: 4, left: [3, 6], right: [2, 4] },
  { terms: 4, left: [6, 3], right: [4, 2] },
  { terms: 2, left: [2, 3], right: [5, 2] },
  { terms: 1, left: [3, 2], right: [2, 3] },
  // Large enough that permuting x is less work than expanding the matrix.
  { terms: 1, left: [12, 10], right: [3, 2] },
  { terms: 2, left: [10, 12], right: [2, 3] }
]
const permutations = [{}, { rows: true }, { columns: true }, { rows: true, columns: true }]
const rowCounts = [1, 2, 40]

describe("kroneckerWeight", () => {
  for (const size of sizes)
    for (const permuted of permutations) {
      const which = Object.keys(permuted).join(" and ") || "nothing"
      testWeight(
        `${size.terms} x [${size.left}] (x) [${size.right}], ${which} permuted`,
        plant({ ...size, permuted }),
        rowCounts
      )
    }

  it("is tested here in every order of contraction, with and without permutations, both ways round", () => {
    const met = new Set<string>()
    for (const size of sizes)
      for (const { rows = false, columns = false } of permutations)
        for (const count of rowCounts) {
          met.add(`${cheapestOrder(size, count, { rows, columns })} ${rows} ${columns}`)
          const turned = cheapestOrder(transposedShape(size), count, { rows: columns, columns: rows })
          met.add(`${turned} ${rows} ${columns} transposed`)
        }
    assert.strictEqual(met.size, 3 * 4 * 2, [...met].join("; "))
  })

  it.effect("counts factors and index buffers, and an index is four bytes in any file", () =>
    Effect.gen(function* () {
      const size = sizes[1]
      const plain = yield* plant(size).make
      assert.strictEqual(plain.storedParameters, 4 * (18 + 8))
      const permuted = yield* plant({ ...size, permuted: { rows: true, columns: true } }).make
      assert.strictEqual(permuted.storedParameters, 4 * (18 + 8) + 6 + 24)
      assert.strictEqual(storedBytes(permuted, "float16"), 2 * 4 * (18 + 8) + 4 * 30)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect(
    "an embedding of factor 4 costs a quarter as the head, and never a dense row more than was asked for",
    () =>
      Effect.gen(function* () {
        const [vocabulary, width] = [512, 64]
        const left = yield* Tensor.full([1, vocabulary, width / 4], 1)
        const right = yield* Tensor.full([1, 1, 4], 1)
        const weight = yield* compute((t) => kroneckerWeight(t, { left, right }))
        const largest = yield* Effect.scoped(
          Effect.gen(function* () {
            const hidden = yield* Tensor.full([2, width], 1)
            const token = yield* Tensor.fromArray(Int32Array.from([3]))
            const made: Array<number> = []
            const logits = yield* compute((t) => {
              made.push(t.region.kernels.live().bytes)
              const y = weight.applyTransposed(t, hidden)
              weight.rows(t, token)
              made.push(t.region.kernels.live().bytes)
              return y
            })
            assert.deepStrictEqual(logits.shape, [2, vocabulary])
            return made[1] - made[0]
          })
        )
        assert.isBelow(largest, (vocabulary * width * 8) / 4)
      }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("refuses factors that do not fit and indices that are no permutation", () =>
    Effect.gen(function* () {
      const left = yield* Tensor.full([1, 2, 2], 1)
      const right = yield* Tensor.full([1, 2, 2], 1)
      const two = yield* Tensor.full([2, 2, 2], 1)
      const flat = yield* Tensor.full([2, 2], 1)
      const cases = [
        { left, right: two },
        { left: flat, right: flat },
        { left, right, rows: Uint32Array.of(0, 1, 2) },
        { left, right, rows: Uint32Array.of(0, 1, 2, 4) },
        { left, right, columns: Uint32Array.of(0, 1, 2, 2) }
      ]
      for (const parts of cases) {
        const error = yield* Effect.flip(compute((t) => kroneckerWeight(t, parts)))
        assert.strictEqual(error._tag, "ShapeError")
      }
      const weight = yield* compute((t) => kroneckerWeight(t, { left, right }))
      const error = yield* Effect.flip(compute(() => weight.withTensors({ left: two, right: two })))
      assert.strictEqual(error._tag, "ShapeError")
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("describes itself so that a file can be checked and the weight put together again", () =>
    Effect.gen(function* () {
      const planted = plant({ ...sizes[3], permuted: { columns: true } })
      const weight = yield* planted.make
      const description = JSON.parse(JSON.stringify(kroneckerCodec.describe(weight)))
      const layout = Result.getOrThrow(kroneckerCodec.layout(description, 10, 6))
      assert.deepStrictEqual(layout.tensors, { left: [2, 2, 3], right: [2, 5, 2] })
      assert.deepStrictEqual(Object.keys(layout.indices), ["columns"])
      assert.strictEqual(layout.indices.columns.length, 6)
      const again = yield* compute((t) => layout.assemble(t, weight.tensors, weight.indices))
      assert.deepStrictEqual(
        yield* Effect.flatMap(compute(again.toDense), Tensor.toArray),
        yield* Effect.flatMap(compute(weight.toDense), Tensor.toArray)
      )
      for (const wrong of [{}, { ...description, terms: 0 }, { ...description, left: [2, 3, 1] }, 3])
        assert.isTrue(Result.isFailure(kroneckerCodec.layout(wrong, 10, 6)))
      assert.isTrue(Result.isFailure(kroneckerCodec.layout(description, 6, 10)))
    }).pipe(Effect.provide(Mock.layer()))
  )
})
