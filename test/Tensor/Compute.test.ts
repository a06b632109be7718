import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { Mock, MockControls } from "../../src/Layers/Mock.ts"
import { type Backend, compute, Tensor, type TensorError } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { transformer, transformerLoss } from "./transformer.ts"

const buffers = Effect.flatMap(MockControls, (mock) => Effect.map(mock.live, (live) => live.buffers))

describe("ownership", () => {
  it.effect("a region frees its temporaries, and hands the tensors of its result to the scope", () =>
    onMock(
      Effect.gen(function* () {
        const result = yield* compute((t) => {
          const x = t.full([4], 2)
          const y = t.exp(t.square(x))
          return {
            sum: t.sum(y),
            list: [t.mean(y)],
            named: new Map([["largest", t.max(y)]]),
            text: "kept",
            nothing: null
          }
        })
        assert.strictEqual(yield* buffers, 3)
        assert.strictEqual(result.text, "kept")
        assert.strictEqual(yield* Tensor.toNumber(result.sum), 4 * Math.exp(4))
        assert.strictEqual(yield* Tensor.toNumber(result.list[0]), Math.exp(4))
      })
    )
  )

  it.effect("a tensor named twice in a result is owned once", () =>
    onMock(
      compute((t) => {
        const x = t.full([2], 1)
        return [x, x, { again: x }]
      })
    )
  )

  it.effect("leaving the scope frees its tensors, and using one afterwards fails with UseAfterFree", () =>
    onMock(
      Effect.gen(function* () {
        const x = yield* Effect.scoped(Tensor.full([3], 1))
        assert.strictEqual(yield* buffers, 0)
        for (const use of [
          Tensor.toArray(x),
          compute((t) => t.exp(x)),
          compute((t) => t.add(1, x)),
          compute((t) => t.matmul(t.reshape(x, [1, 3]), t.full([3, 1], 1))),
          compute((t) => t.sum(x)),
          compute((t) => t.concatenate([t.full([3], 1), x], 0)),
          compute((t) => t.valueAndGradients({ x }, () => ({ value: t.full([], 1) })))
        ]) {
          const error = yield* Effect.flip(use as Effect.Effect<unknown, TensorError, Backend | Scope.Scope>)
          assert.strictEqual(error._tag, "UseAfterFree")
          assert.include(error.message, "[3]")
        }
      })
    )
  )

  it.effect("a reshape shares memory, which lives until the last of its tensors is gone", () =>
    onMock(
      Effect.gen(function* () {
        const outer = yield* Effect.scope
        const y = yield* Effect.scoped(
          Effect.gen(function* () {
            const x = yield* Tensor.fromArray([1, 2, 3, 4])
            const y = yield* Scope.provide(
              compute((t) => t.reshape(x, [2, 2])),
              outer
            )
            assert.strictEqual(yield* buffers, 1)
            return y
          })
        )
        assert.strictEqual(yield* buffers, 1)
        assert.deepStrictEqual([...(yield* Tensor.toArray(y))], [1, 2, 3, 4])
      })
    )
  )

  it.effect("what an operation has nothing to do for still belongs to the region that asked", () =>
    onMock(
      Effect.gen(function* () {
        const outer = yield* Effect.scope
        const kept = yield* Effect.scoped(
          Effect.gen(function* () {
            const x = yield* Tensor.fromArray([1, 2], [1, 2])
            return yield* Scope.provide(
              compute((t) => [
                t.transpose(x, [0, 1]),
                t.broadcastTo(x, [1, 2]),
                t.dropout(x, 0, [0, 0]),
                t.cast(x, "float64")
              ]),
              outer
            )
          })
        )
        for (const x of kept) assert.deepStrictEqual([...(yield* Tensor.toArray(x))], [1, 2])
      })
    )
  )

  it.effect("tidy frees what its body makes and does not return", () =>
    onMock(
      Effect.gen(function* () {
        const mock = yield* MockControls
        const x = yield* Tensor.full([100], 1)
        yield* compute((t) => {
          let y = x
          for (let i = 0; i < 50; i++) {
            const last = y
            y = t.tidy(() => t.multiply(t.exp(t.negate(t.square(last))), 2))
          }
          return t.tidy(() => [t.sum(t.tidy(() => t.negate(y)))])
        })
        // x, the 50 results, the temporaries of one round.
        assert.isAtMost(yield* mock.peakBytes, (1 + 50 + 5) * 800 + 50 * 8)
      })
    )
  )
})

describe("what goes wrong inside a region", () => {
  it.effect("a tensor error is a typed failure, and everything made so far is freed", () =>
    onMock(
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          compute((t) => {
            const x = t.exp(t.full([3], 1))
            return t.add(x, t.full([2], 1))
          })
        )
        assert.strictEqual(error._tag, "ShapeError")
        assert.strictEqual(yield* buffers, 0)
      })
    )
  )

  it.effect("any other exception is a defect, and everything made so far is freed", () =>
    onMock(
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          compute((t) => {
            t.tidy(() => {
              t.full([3], 1)
              throw new Error("a bug in the caller")
            })
          })
        )
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.strictEqual(yield* buffers, 0)
      })
    )
  )

  it.effect("interruption between two regions frees what the scope holds", () =>
    onMock(
      Effect.gen(function* () {
        const reached = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          Effect.scoped(
            Effect.gen(function* () {
              const x = yield* Tensor.full([3], 1)
              yield* compute((t) => t.exp(x))
              yield* Deferred.succeed(reached, undefined)
              yield* Effect.never
            })
          )
        )
        yield* Deferred.await(reached)
        assert.strictEqual(yield* buffers, 2)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* buffers, 0)
      })
    )
  )
})

/** One AdamW step, and the loss before and after it. */
const trainingStep = Effect.gen(function* () {
  const model = yield* transformer()
  const moments: Record<string, readonly [Tensor, Tensor]> = {}
  for (const [name, x] of Object.entries(model.parameters))
    moments[name] = [yield* Tensor.full(x.shape, 0), yield* Tensor.full(x.shape, 0)]
  const before = yield* compute((t) => {
    const { value, gradients } = t.valueAndGradients(model.parameters, () => ({
      value: transformerLoss(t, model)
    }))
    const scale = t.full([], 1)
    for (const [name, parameter] of Object.entries(model.parameters)) {
      const [first, second] = moments[name]
      t.adamW(
        { parameter, gradient: gradients[name], first, second, scale },
        {
          learningRate: 0.01,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0.1,
          correction1: 0.1,
          correction2: 0.001
        }
      )
    }
    return value
  })
  const after = yield* compute((t) => transformerLoss(t, model))
  return [yield* Tensor.toNumber(before), yield* Tensor.toNumber(after)] as const
})

describe("a training step", () => {
  it.effect("lowers its loss", () =>
    onMock(
      Effect.gen(function* () {
        const [before, after] = yield* trainingStep
        assert.isBelow(after, before)
      })
    )
  )

  it.effect("that fails in any of its kernels leaves nothing live and names the kernel", () =>
    Effect.gen(function* () {
      const kernels = yield* onMock(
        Effect.gen(function* () {
          yield* trainingStep
          return (yield* (yield* MockControls).log).map(({ kernel }) => kernel)
        })
      )
      assert.isAbove(kernels.length, 50)
      for (const [i, kernel] of kernels.entries()) {
        const error = yield* Effect.flip(onMock(trainingStep, { failAt: i + 1 }))
        assert.strictEqual(error._tag, "KernelError")
        assert.include(error.message, `"${kernel}"`)
      }
    })
  )

  it.effect("that runs out of memory, wherever it does, leaves nothing live", () =>
    Effect.gen(function* () {
      const peak = yield* onMock(
        Effect.andThen(
          trainingStep,
          Effect.flatMap(MockControls, (mock) => mock.peakBytes)
        )
      )
      yield* onMock(trainingStep, { limitBytes: peak })
      for (let limit = 0; limit < peak; limit += 97) {
        const error = yield* Effect.flip(onMock(trainingStep, { limitBytes: limit }))
        assert.strictEqual(error._tag, "OutOfMemory")
      }
    })
  )

  it.effect("in which one kernel of the forward pass gives NaN has a loss of NaN", () =>
    Effect.gen(function* () {
      const log = yield* onMock(
        Effect.gen(function* () {
          yield* trainingStep
          return yield* (yield* MockControls).log
        })
      )
      const attention = log.findIndex(({ kernel }) => kernel === "attention") + 1
      assert.isNaN((yield* onMock(trainingStep, { nanAt: attention }))[0])
    })
  )
})

describe("compute without a mock's controls", () => {
  it.effect("needs a Backend and a Scope, and gives back plain values", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* compute((t) => t.region.kernels.name), "mock")
    }).pipe(Effect.provide(Mock.layer()))
  )
})
