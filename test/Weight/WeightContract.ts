import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Mock, MockControls } from "../../src/Layers/Mock.ts"
import { key, stream } from "../../src/Random/index.ts"
import { type Backend, compute, type Operations, Tensor, type TensorError } from "../../src/Tensor/index.ts"
import type { Weight } from "../../src/Weight/index.ts"

/** What every weight format must satisfy, given one weight and the matrix that it stands for, worked out otherwise. */
export interface WeightCase {
  readonly inputs: number
  readonly outputs: number
  readonly make: Effect.Effect<Weight, TensorError, Backend | Scope.Scope>
  /** W, row-major, by plain loops. */
  readonly matrix: Float64Array
}

export const normals = (name: string, length: number): Float64Array => {
  const values = new Float64Array(length)
  stream(key(name)).fillNormal(values)
  return values
}

export const assertClose = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-10) => {
  assert.strictEqual(actual.length, expected.length)
  for (let i = 0; i < expected.length; i++)
    assert.isBelow(Math.abs(actual[i] - expected[i]), tolerance * (1 + Math.abs(expected[i])), `element ${i}`)
}

// x: [rows, m], w: [m, n]
export const multiply = (x: Float64Array, w: Float64Array, rows: number, m: number, n: number) => {
  const y = new Float64Array(rows * n)
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) y[r * n + j] += x[r * m + i] * w[i * n + j]
  return y
}

const transpose = (w: Float64Array, m: number, n: number) =>
  w.map((_, index) => w[(index % m) * n + Math.floor(index / m)])

const read = (body: (t: Operations) => Tensor) => Effect.scoped(Effect.flatMap(compute(body), Tensor.toArray))

/** Registers the tests; the numbers of rows are chosen so that every order of contraction is met. */
export const testWeight = (
  name: string,
  weight: WeightCase,
  rowCounts: ReadonlyArray<number> = [1, 3, 50]
) => {
  const { inputs, outputs, matrix, make } = weight
  const run = (
    body: (made: Weight) => Effect.Effect<void, TensorError, Backend | Scope.Scope>
  ): Effect.Effect<void, TensorError> =>
    Effect.gen(function* () {
      yield* Effect.scoped(Effect.flatMap(make, body))
      assert.strictEqual((yield* (yield* MockControls).live).buffers, 0)
    }).pipe(Effect.provide(Mock.layer()))

  it.effect(`${name}: sizes and toDense`, () =>
    run((made) =>
      Effect.gen(function* () {
        assert.deepStrictEqual([made.inputs, made.outputs], [inputs, outputs])
        assertClose(yield* read(made.toDense), matrix)
      })
    )
  )

  it.effect(`${name}: apply is x W + bias`, () =>
    run((made) =>
      Effect.gen(function* () {
        const b = normals("bias", outputs)
        const bias = yield* Tensor.fromArray(b)
        for (const rows of rowCounts) {
          const values = normals(`x${rows}`, rows * inputs)
          const expected = multiply(values, matrix, rows, inputs, outputs)
          const x = yield* Tensor.fromArray(values, [rows, inputs])
          assertClose(yield* read((t) => made.apply(t, x)), expected)
          const withBias = expected.map((value, i) => value + b[i % outputs])
          assertClose(yield* read((t) => made.apply(t, x, bias)), withBias)
          const batched = yield* compute((t) => made.apply(t, t.reshape(x, [1, rows, inputs]), bias))
          assert.deepStrictEqual(batched.shape, [1, rows, outputs])
          assertClose(yield* Tensor.toArray(batched), withBias)
        }
      })
    )
  )

  it.effect(`${name}: applyTransposed is x Wᵀ`, () =>
    run((made) =>
      Effect.gen(function* () {
        for (const rows of rowCounts) {
          const values = normals(`y${rows}`, rows * outputs)
          const x = yield* Tensor.fromArray(values, [rows, 1, outputs])
          const y = yield* compute((t) => made.applyTransposed(t, x))
          assert.deepStrictEqual(y.shape, [rows, 1, inputs])
          const turned = transpose(matrix, inputs, outputs)
          assertClose(yield* Tensor.toArray(y), multiply(values, turned, rows, outputs, inputs))
        }
      })
    )
  )

  it.effect(`${name}: rows are toDense's rows`, () =>
    run((made) =>
      Effect.gen(function* () {
        const wanted = [0, inputs - 1, 1 % inputs, 0]
        const indices = yield* Tensor.fromArray(Int32Array.from(wanted), [2, 2])
        const found = yield* compute((t) => made.rows(t, indices))
        assert.deepStrictEqual(found.shape, [2, 2, outputs])
        const expected = wanted.flatMap((row) => [...matrix.subarray(row * outputs, (row + 1) * outputs)])
        assertClose(yield* Tensor.toArray(found), expected)
      })
    )
  )

  for (const rows of rowCounts)
    it.effect(
      `${name}: gradients of apply, applyTransposed and rows by central differences, ${rows} rows`,
      () =>
        run((made) =>
          Effect.gen(function* () {
            const x = yield* Tensor.fromArray(normals("gx", rows * inputs), [rows, inputs])
            const y = yield* Tensor.fromArray(normals("gy", rows * outputs), [rows, outputs])
            const some = yield* Tensor.fromArray(Int32Array.from([inputs - 1, 0, 0]))
            const loss = (t: Operations, tensors: Readonly<Record<string, Tensor>>, factor: Tensor) => {
              const given = made.withTensors(tensors)
              const through = t.sum(t.sin(given.apply(t, t.multiply(x, factor))))
              const back = t.sum(t.sin(given.applyTransposed(t, t.multiply(y, factor))))
              return t.add(through, t.add(back, t.sumOfSquares(given.rows(t, some))))
            }
            const one = yield* Tensor.full([], 1)
            const { gradients } = yield* compute((t) =>
              t.valueAndGradients({ ...made.tensors, factor: one }, () => ({
                value: loss(t, made.tensors, one)
              }))
            )
            const step = 1e-5
            for (const [tensor, parameter] of Object.entries<Tensor>({ ...made.tensors, factor: one })) {
              const values = Float64Array.from(yield* Tensor.toArray(parameter))
              const gradient = yield* Tensor.toArray(gradients[tensor])
              for (const at of new Set([0, Math.floor(values.length / 2), values.length - 1])) {
                const losses: Array<number> = []
                for (const sign of [1, -1]) {
                  const moved = values.slice()
                  moved[at] += sign * step
                  const replaced = yield* Tensor.fromArray(moved, parameter.shape)
                  losses.push(
                    (yield* read((t) =>
                      tensor === "factor"
                        ? loss(t, made.tensors, replaced)
                        : loss(t, { ...made.tensors, [tensor]: replaced }, one)
                    ))[0]
                  )
                }
                const difference = (losses[0] - losses[1]) / (2 * step)
                assert.isBelow(
                  Math.abs(gradient[at] - difference),
                  1e-6 * (1 + Math.abs(difference)),
                  `${tensor}[${at}]`
                )
              }
            }
          })
        )
    )
}
