import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { muon, orthogonalize } from "../../src/Distill/Muon.ts"
import { MockControls } from "../../src/Layers/Mock.ts"
import { key, stream } from "../../src/Random/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { upload } from "../../src/Tensor/Host.ts"

const normals = (label: string, count: number): Float64Array => {
  const values = new Float64Array(count)
  stream(key(label)).fillNormal(values)
  return values
}

const times = (x: Float64Array, y: Float64Array, m: number, k: number, n: number) => {
  const z = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) for (let p = 0; p < k; p++) z[i * n + j] += x[i * k + p] * y[p * n + j]
  return z
}

const transposed = (x: Float64Array, m: number, n: number) =>
  Float64Array.from({ length: m * n }, (_, at) => x[(at % m) * n + Math.floor(at / m)])

/** The update of one matrix, written out after the authors' description: rows x columns, row-major. */
const reference = (gradient: Float64Array, rows: number, columns: number): Float64Array => {
  const [a, b, c] = [3.4445, -4.775, 2.0315]
  const tall = rows > columns
  const [m, n] = tall ? [columns, rows] : [rows, columns]
  const wide = tall ? transposed(gradient, rows, columns) : gradient
  const norm = Math.hypot(...wide) + 1e-7
  let x = wide.map((value) => value / norm)
  for (let iteration = 0; iteration < 5; iteration++) {
    const gram = times(x, transposed(x, m, n), m, n, m)
    const squared = times(gram, gram, m, m, m)
    const polynomial = gram.map((value, i) => b * value + c * squared[i])
    const moved = times(polynomial, x, m, m, n)
    x = x.map((value, i) => a * value + moved[i])
  }
  return tall ? transposed(x, m, n) : x
}

const momentum = 0.95

describe("Muon", () => {
  it.effect("brings all singular values near 1 and keeps the singular vectors", () =>
    Effect.gen(function* () {
      // Two matrices with planted factors: Q diag(s) in the rows of a permuted identity.
      const values = [1, 0.6, 0.3, 2, 1.5, 0.9]
      const planted = Float64Array.from({ length: 2 * 3 * 4 }, (_, at) => {
        const [matrix, row, column] = [Math.floor(at / 12), Math.floor((at % 12) / 4), at % 4]
        return column === (row + 1) % 4 ? values[matrix * 3 + row] : 0
      })
      const x = yield* Tensor.fromArray(planted, [2, 3, 4])
      const result = yield* Tensor.toArray(yield* compute((t) => orthogonalize(t, x, 5)))
      result.forEach((value, at) => {
        if (planted[at] === 0) assert.closeTo(value, 0, 1e-12)
        else assert.isTrue(value > 0.65 && value < 1.25, `${value}`)
      })
    }).pipe(onMock)
  )

  it.effect("takes the authors' step for tall, wide and side-by-side matrices of one stack", () =>
    Effect.gen(function* () {
      const shapes = {
        "h.0.mlp.c_fc.weight": [3, 6],
        "h.1.mlp.c_proj.weight": [6, 3],
        "h.0.attn.c_attn.weight": [3, 18]
      } as const
      const start = Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [name, normals(`w ${name}`, shape[0] * shape[1])])
      )
      const gradients = [1, 2].map((step) =>
        Object.fromEntries(
          Object.entries(shapes).map(([name, shape]) => [
            name,
            normals(`${step} ${name}`, shape[0] * shape[1])
          ])
        )
      )
      const [rate, decay, scale] = [0.05, 0.1, 0.5]
      const optimizer = muon({ weightDecay: decay })
      const parameters = yield* compute((t) =>
        Object.fromEntries(
          Object.entries(shapes).map(([name, shape]) => [name, upload(t.region, start[name], shape)])
        )
      )
      const moments = yield* compute((t) => optimizer.initialMoments(t, parameters))
      for (const step of [1, 2])
        yield* compute((t) =>
          optimizer.update(t, {
            parameters,
            moments,
            gradients: Object.fromEntries(
              Object.entries(shapes).map(([name, shape]) => [
                name,
                upload(t.region, gradients[step - 1][name], shape)
              ])
            ),
            scale: t.full([1], scale),
            step,
            learningRate: rate
          })
        )
      for (const [name, [rows, columns]] of Object.entries(shapes)) {
        const blocks = name.includes("c_attn") ? 3 : 1
        const width = columns / blocks
        const expected = start[name].slice()
        const velocity = new Float64Array(rows * columns)
        for (const gradient of gradients) {
          const ahead = gradient[name].map((g, i) => {
            velocity[i] = momentum * velocity[i] + scale * g
            return momentum * velocity[i] + scale * g
          })
          for (let block = 0; block < blocks; block++) {
            const at = (i: number) => Math.floor(i / width) * columns + block * width + (i % width)
            const part = Float64Array.from({ length: rows * width }, (_, i) => ahead[at(i)])
            const size = 0.2 * Math.sqrt(Math.max(rows, width))
            reference(part, rows, width).forEach((direction, i) => {
              expected[at(i)] = (1 - rate * decay) * expected[at(i)] - rate * size * direction
            })
          }
        }
        const actual = yield* Tensor.toArray(parameters[name])
        actual.forEach((value, i) => assert.closeTo(value, expected[i], 1e-12, name))
      }
    }).pipe(onMock)
  )

  it.effect("leaves embeddings, biases and norms to AdamW, and nothing behind", () =>
    Effect.gen(function* () {
      const mock = yield* MockControls
      const shapes = { "wte.weight": [4, 3], "h.0.ln_1.weight": [3], "h.0.mlp.c_fc.weight": [3, 3] } as const
      const optimizer = muon()
      const parameters = yield* compute((t) =>
        Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, t.full(shape, 1)]))
      )
      const moments = yield* compute((t) => optimizer.initialMoments(t, parameters))
      assert.deepStrictEqual(Object.keys(moments).toSorted(), [
        "h.0.ln_1.weight.first",
        "h.0.ln_1.weight.second",
        "h.0.mlp.c_fc.weight.momentum",
        "wte.weight.first",
        "wte.weight.second"
      ])
      const before = yield* mock.live
      yield* compute((t) => {
        const gradients = Object.fromEntries(
          Object.entries(shapes).map(([name, shape]) => [name, t.full(shape, 0.5)])
        )
        optimizer.update(t, {
          parameters,
          moments,
          gradients,
          scale: t.full([], 1),
          step: 1,
          learningRate: 0.1
        })
      })
      assert.deepStrictEqual(yield* mock.live, before)
    }).pipe(onMock)
  )
})
