import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, type Scope } from "effect"
import { layer as cpu, type CpuOptions } from "../../src/Layers/Cpu.ts"
import { Backend, compute, Tensor } from "../../src/Tensor/index.ts"
import { sizeOf } from "../../src/Tensor/Tensor.ts"
import { systemBlas } from "./cpu/engines.ts"

const unavailable = (options: CpuOptions, settings: Readonly<Record<string, string>>) =>
  Effect.flip(Effect.scoped(Layer.build(Layer.fresh(cpu(options))))).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(settings)))
  )

const described = (options: CpuOptions, settings: Readonly<Record<string, string>>) =>
  Effect.map(Backend, ({ description }) => description).pipe(
    Effect.provide(Layer.fresh(cpu(options))),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(settings)))
  )

describe("the settings of the CPU", () => {
  it.effect.each(["two", "1.5", "0", "-3"])("TESSERAE_THREADS=%s is refused", (value) =>
    Effect.gen(function* () {
      const error = yield* unavailable({}, { TESSERAE_THREADS: value })
      assert.strictEqual(error._tag, "BackendUnavailable")
      assert.include(error.reason, "TESSERAE_THREADS")
      assert.include(error.remedy, "TESSERAE_THREADS")
    })
  )

  it.effect("TESSERAE_THREADS counts where the options say nothing", () =>
    Effect.gen(function* () {
      assert.include(yield* described({}, { TESSERAE_THREADS: "3" }), "3 threads")
      assert.match(yield* described({ threads: 1 }, { TESSERAE_THREADS: "3" }), /1 thread$/)
      assert.match(yield* described({ threads: 1 }, { TESSERAE_THREADS: "nonsense" }), /1 thread$/)
    })
  )

  it.effect.each([0, -1, 1.5, Number.NaN])("%s threads are refused", (threads) =>
    Effect.map(unavailable({ threads }, {}), (error) => assert.include(error.reason, `${threads} threads`))
  )

  it.effect.each([0, -1, Number.NaN])("a limit of %s bytes is refused", (limitBytes) =>
    Effect.map(unavailable({ limitBytes }, {}), (error) => assert.include(error.reason, "limitBytes"))
  )

  it.effect("a library that TESSERAE_BLAS names must be one, unless wasm was asked for", () =>
    Effect.gen(function* () {
      for (const name of ["/etc/hostname", "libtesserae-none.so"])
        for (const chosen of ["auto", "blas"] as const) {
          const error = yield* unavailable({ engine: chosen }, { TESSERAE_BLAS: name })
          assert.include(error.reason, name)
          assert.include(error.remedy, "TESSERAE_BLAS")
        }
      const wasm = yield* described({ engine: "wasm", threads: 1 }, { TESSERAE_BLAS: "/etc/hostname" })
      assert.strictEqual(wasm, "WebAssembly SIMD, 1 thread")
    })
  )

  it.effect.skipIf(systemBlas() === undefined)("TESSERAE_BLAS names a library to take", () =>
    Effect.gen(function* () {
      const path = systemBlas()?.path ?? ""
      const named = yield* described({ threads: 1 }, { TESSERAE_BLAS: path })
      assert.strictEqual(named, `${systemBlas()?.description}, 1 thread`)
      assert.strictEqual(yield* described({ threads: 1 }, { TESSERAE_BLAS: "" }), named)
    })
  )
})

const onCpu = <A, E>(body: Effect.Effect<A, E, Backend | Scope.Scope>) =>
  body.pipe(Effect.scoped, Effect.provide(cpu({ engine: "wasm", threads: 2 })))

describe("the numbers of the CPU", () => {
  it.effect("fill: NaN, infinities, and whole parts in int32", () =>
    onCpu(
      Effect.gen(function* () {
        for (const dtype of ["float32", "float64"] as const)
          for (const value of [Number.NaN, Infinity, -Infinity, -0, 0.1]) {
            const values = yield* Tensor.toArray(yield* Tensor.full([7], value, dtype))
            const expected = dtype === "float32" ? Math.fround(value) : value
            assert.isTrue(values.every((one) => Object.is(one, expected)))
          }
        for (const [value, expected] of [
          [1.9, 1],
          [-1.9, -1],
          [Number.NaN, 0],
          [2 ** 31 - 1, 2 ** 31 - 1],
          [-(2 ** 31), -(2 ** 31)]
        ])
          assert.deepStrictEqual(
            yield* Tensor.toArray(yield* Tensor.full([3], value, "int32")),
            Int32Array.of(expected, expected, expected)
          )
      })
    )
  )

  it.effect("upload: every kind of array to every element type", () =>
    onCpu(
      Effect.gen(function* () {
        const values = [0, 1, -2, 2 ** 24 + 1, 7.75]
        for (const array of [Float32Array, Float64Array, Int32Array])
          for (const [dtype, target] of [
            ["float32", Float32Array],
            ["float64", Float64Array],
            ["int32", Int32Array]
          ] as const) {
            const data = array.from(values)
            const x = yield* Tensor.fromArray(data, [5], dtype)
            assert.deepStrictEqual(yield* Tensor.toArray(x), target.from(data))
          }
      })
    )
  )

  it.effect("of tensors without elements", () =>
    onCpu(
      Effect.gen(function* () {
        const shapes = yield* compute((t) => {
          const [a, b, v] = [t.full([0, 3], 1), t.full([3, 0], 1), t.full([0], 1)]
          const none = t.full([0], 0, "int32")
          return [
            [t.matmul(a, b), [0, 0]],
            [t.matmul(b, a), [3, 3]],
            [t.matmul(t.full([2, 0, 3], 1), t.full([3, 4], 1)), [2, 0, 4]],
            [t.attention(t.full([0, 4, 12], 1), 2), [0, 4, 4]],
            [t.attention(t.full([2, 0, 12], 1), 2), [2, 0, 4]],
            [t.add(a, t.full([3], 1)), [0, 3]],
            [t.gelu(v), [0]],
            [t.dropout(a, 0.5, [1, 2]), [0, 3]],
            [t.cast(a, "int32"), [0, 3]],
            [t.where(t.less(a, a), a, a), [0, 3]],
            [t.sum(a), []],
            [t.sum(a, { axes: [0] }), [3]],
            [t.sum(b, { axes: [1] }), [3]],
            [t.transpose(a, [1, 0]), [3, 0]],
            [t.concatenate([a, t.full([2, 3], 1)], 0), [2, 3]],
            [t.pad(a, [1, 0], [1, 0]), [2, 3]],
            [t.slice(a, [0, 1], [0, 2]), [0, 2]],
            [t.gather(t.full([4, 3], 1), none), [0, 3]],
            [t.gather(t.full([4, 0], 1), t.full([2], 0, "int32")), [2, 0]],
            [t.segmentSum(a, none, 5), [5, 3]],
            [t.softmax(a), [0, 3]],
            [t.softmax(b), [3, 0]],
            [t.layerNorm(a, t.full([3], 1), t.full([3], 0)), [0, 3]],
            [t.layerNorm(b, v, v), [3, 0]],
            [t.crossEntropy(a, none), [0]]
          ] as const
        })
        for (const [x, shape] of shapes) {
          assert.deepStrictEqual([...x.shape], [...shape])
          const values = yield* Tensor.toArray(x)
          assert.strictEqual(values.length, sizeOf(shape))
          if (shape.length < 2 || shape[0] === 3 || shape[0] === 5)
            assert.isTrue(values.every((value) => value === 0))
        }
      })
    )
  )
})
