import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { matrixFactorizations } from "../../src/Layers/host/MatrixFactorizations.ts"
import { tfjsKernels } from "../../src/Layers/tfjs/TfjsKernels.ts"
import { webGpuEngine } from "../../src/Layers/WebGpu.ts"
import { Backend, compute, Tensor } from "../../src/Tensor/index.ts"
import { transformer, transformerLoss } from "../Tensor/transformer.ts"

/** The engine and a backend over it, in the current scope. */
const open = (limitBytes?: number) =>
  Effect.map(webGpuEngine(limitBytes === undefined ? {} : { limitBytes }), (engine) => ({
    engine,
    backend: Layer.succeed(Backend, Backend.of(tfjsKernels(engine, matrixFactorizations)))
  }))

const absent = await Effect.runPromise(
  Effect.scoped(webGpuEngine()).pipe(
    Effect.as(undefined),
    Effect.catch((error) => Effect.succeed(error.message))
  )
)

const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i))

/** Gradients of a small transformer: every kind of kernel, and tensors that live for a while. */
const gradients = Effect.scoped(
  Effect.gen(function* () {
    const model = yield* transformer("float32")
    const found = yield* compute((t) =>
      t.valueAndGradients(model.parameters, () => ({ value: transformerLoss(t, model) }))
    )
    return yield* Tensor.toNumber(found.value)
  })
)

if (absent !== undefined) it.skip(`WebGPU: ${absent}`, () => {})
else
  describe("WebGPU", () => {
    it.effect(
      "leaves tfjs's counts of data and bytes as they were, after work, failure and interruption",
      () =>
        Effect.gen(function* () {
          const { engine, backend } = yield* open()
          const program = Effect.gen(function* () {
            yield* gradients
            const before = engine.counts()
            yield* gradients
            assert.deepStrictEqual(engine.counts(), before, "after work")

            yield* Effect.flip(
              compute((t) => {
                const x = t.full([64, 64], 1)
                return t.gather(t.matmul(x, x), t.full([3], 64, "int32"))
              })
            )
            yield* Effect.scoped(Effect.flatMap(Tensor.full([], 1), Tensor.toNumber))
            assert.deepStrictEqual(engine.counts(), before, "after a failure")

            const reached = yield* Deferred.make<void>()
            const fiber = yield* Effect.forkChild(
              Effect.scoped(
                Effect.gen(function* () {
                  yield* Tensor.full([100], 1)
                  yield* Deferred.succeed(reached, undefined)
                  yield* Effect.never
                })
              )
            )
            yield* Deferred.await(reached)
            yield* Fiber.interrupt(fiber)
            yield* Effect.scoped(Effect.flatMap(Tensor.full([], 1), Tensor.toNumber))
            assert.deepStrictEqual(engine.counts(), before, "after an interruption")
            assert.deepStrictEqual((yield* Backend).live(), { buffers: 0, bytes: 0 })
          })
          yield* Effect.provide(program, backend)
        })
    )

    it.effect("does not hold the event loop while it reads", () =>
      Effect.gen(function* () {
        const { backend } = yield* open()
        const program = Effect.gen(function* () {
          const x = yield* Tensor.fromArray(numbers(256 * 256), [256, 256])
          const y = yield* compute((t) => t.matmul(x, x))
          const reading = yield* Effect.forkChild(Tensor.toArray(y), { startImmediately: true })
          // A read that blocked would have ended by now.
          assert.isUndefined(reading.pollUnsafe())
          assert.strictEqual((yield* Fiber.join(reading)).length, 256 * 256)
        })
        yield* Effect.provide(program, backend)
      })
    )

    it.effect("a lost device is a KernelError, and what it held is given back", () =>
      Effect.gen(function* () {
        const devices: Array<GPUDevice> = []
        const { requestDevice } = GPUAdapter.prototype
        GPUAdapter.prototype.requestDevice = async function (descriptor) {
          const device = await requestDevice.call(this, descriptor)
          devices.push(device)
          return device
        }
        const { engine, backend } = yield* open()
        GPUAdapter.prototype.requestDevice = requestDevice
        const program = Effect.gen(function* () {
          const kernels = yield* Backend
          yield* Effect.scoped(
            Effect.gen(function* () {
              const x = yield* Tensor.fromArray(numbers(16), [4, 4])
              yield* Effect.flatMap(
                compute((t) => t.matmul(x, x)),
                Tensor.toArray
              )
              for (const device of devices) {
                device.destroy()
                yield* Effect.promise(() => device.lost)
              }
              const inKernel = yield* Effect.flip(compute((t) => t.exp(x)))
              const inRead = yield* Effect.flip(Tensor.toArray(x))
              for (const error of [inKernel, inRead]) {
                assert.strictEqual(error._tag, "KernelError")
                assert.include(error.message, "the device was lost")
              }
            })
          )
          assert.deepStrictEqual(kernels.live(), { buffers: 0, bytes: 0 })
          assert.strictEqual(engine.counts().data, 0)
        })
        yield* Effect.provide(program, backend)
      })
    )

    it.effect("more than the limit, and more than the largest buffer, is OutOfMemory", () =>
      Effect.gen(function* () {
        const limited = yield* open(1000)
        const within = Effect.gen(function* () {
          yield* Tensor.full([100], 1)
          const error = yield* Effect.flip(Tensor.full([200], 1))
          assert.strictEqual(error._tag, "OutOfMemory")
          assert.include(error.message, "800 bytes asked for with 400 of 1000")
        })
        yield* Effect.provide(Effect.scoped(within), limited.backend)
        const { engine, backend } = yield* open()
        const huge = Effect.flip(Tensor.full([engine.largestBufferBytes / 4 + 1], 1))
        assert.strictEqual((yield* Effect.provide(huge, backend))._tag, "OutOfMemory")
      })
    )

    it.effect("indices that only the device knows are checked there, and told of by the next read", () =>
      Effect.gen(function* () {
        const { engine, backend } = yield* open()
        const program = Effect.gen(function* () {
          const x = yield* Tensor.fromArray(numbers(12), [6, 2])
          const places = yield* Tensor.fromArray([0, 5, 6], [3])
          const before = engine.counts().data
          const wrong = yield* Effect.scoped(
            Effect.gen(function* () {
              const rows = yield* compute((t) => t.gather(x, t.cast(places, "int32")))
              return yield* Effect.flip(Tensor.toArray(rows))
            })
          )
          assert.strictEqual(wrong._tag, "ShapeError")
          const right = yield* compute((t) => t.gather(x, t.cast(t.minimum(places, 5), "int32")))
          assert.deepStrictEqual([...(yield* Tensor.toArray(right))].slice(4), [...numbers(12)].slice(10))
          assert.strictEqual(engine.counts().data, before + 1)
        })
        yield* Effect.provide(program, backend)
      })
    )

    it.effect("float64 is a DTypeError that names what there is", () =>
      Effect.gen(function* () {
        const { backend } = yield* open()
        const error = yield* Effect.provide(Effect.flip(Tensor.fromArray([1], [1], "float64")), backend)
        assert.strictEqual(error._tag, "DTypeError")
        assert.include(error.message, "float32")
      })
    )
  })
