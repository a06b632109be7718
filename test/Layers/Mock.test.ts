import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { MockControls } from "../../src/Layers/Mock.ts"
import { Backend, compute, Tensor } from "../../src/Tensor/index.ts"
import { onMock } from "./onMock.ts"

const isDefect = (exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit) && Cause.hasDies(exit.cause)

describe("the mock", () => {
  it.effect("logs kernels with the shapes they were given", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const x = yield* Tensor.fromArray([1, 2, 3, 4], [2, 2])
        yield* mock.reset
        yield* compute((t) => t.sum(t.matmul(x, t.exp(x)), { axes: [0] }))
        assert.deepStrictEqual(yield* mock.log, [
          { kernel: "exp", shapes: [[2, 2]] },
          {
            kernel: "matmul",
            shapes: [
              [2, 2],
              [2, 2]
            ]
          },
          { kernel: "sum", shapes: [[2, 2]] }
        ])
        assert.strictEqual(yield* mock.kernels, 4)
      })
    )
  )

  it.effect("fails the n-th kernel after it was told to, once", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const x = yield* Tensor.full([2], 1)
        yield* mock.failAt(2)
        yield* compute((t) => t.exp(x))
        const error = yield* Effect.flip(compute((t) => t.sqrt(x)))
        assert.strictEqual(error._tag, "KernelError")
        assert.include(error.message, '"sqrt"')
        yield* compute((t) => t.sqrt(x))
        yield* mock.failAt(1)
        assert.strictEqual((yield* Effect.flip(Tensor.toArray(x)))._tag, "KernelError")
        yield* mock.failAt(1)
        yield* mock.reset
        yield* Tensor.toArray(x)
      })
    )
  )

  it.effect("gives NaN from the n-th kernel", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const x = yield* Tensor.full([2], 1)
        yield* mock.nanAt(2)
        const y = yield* compute((t) => t.add(t.add(x, x), x))
        assert.deepStrictEqual([...(yield* Tensor.toArray(y))], [Number.NaN, Number.NaN])
        assert.deepStrictEqual([...(yield* Tensor.toArray(x))], [1, 1])
      })
    )
  )

  it.effect("runs out of memory beyond its limit, and says how much was asked of how much", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        yield* Tensor.full([4], 1)
        yield* mock.limitBytes(100)
        yield* Tensor.full([8], 1)
        const error = yield* Effect.flip(Tensor.full([2], 1))
        assert.strictEqual(error._tag, "OutOfMemory")
        assert.include(error.message, "16 bytes asked for with 96 of 100 in use")
      })
    )
  )

  it.effect("takes a double release and a read of a released buffer for the bugs they are", () =>
    onMock(
      Effect.gen(function* () {
        const kernels = yield* Backend
        const buffer = kernels.fill(1, [2], "float64")
        kernels.release(buffer)
        assert.isTrue(isDefect(yield* Effect.exit(Effect.sync(() => kernels.release(buffer)))))
        const read = compute((t) => kernels.unary("exp", t.region.make([2], "float64", buffer)))
        assert.isTrue(isDefect(yield* Effect.exit(read)))
        assert.isTrue(isDefect(yield* Effect.exit(Effect.sync(() => kernels.release({})))))
      })
    )
  )

  it.effect("every layer is a mock of its own", () =>
    Effect.gen(function* () {
      const kernels = Effect.flatMap(MockControls, (mock) => mock.kernels)
      const first = yield* onMock(Effect.andThen(Tensor.full([2], 1), kernels))
      const second = yield* onMock(Effect.andThen(Tensor.full([2], 1), kernels))
      assert.deepStrictEqual([first, second], [1, 1])
    })
  )
})
