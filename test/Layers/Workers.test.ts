import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { workers as makeWorkers, WorkerTaskError, type WorkerOptions } from "../../src/Layers/index.ts"
import type task from "./workers/task.ts"
import { Trouble } from "./workers/Trouble.ts"

const module = new URL("./workers/task.ts", import.meta.url)

const workersOf = (options: Partial<WorkerOptions<Trouble>> = {}) =>
  makeWorkers<typeof task, Trouble>({ module, size: 1, errors: Trouble, ...options })

interface ThreadState {
  readonly threadId: number
  readonly interruptions: number
}

describe("workers", () => {
  it.live("do what a module exports by default: effects, promises and plain values", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf()
      const kinds = ["square", "promise", "plain"] as const
      assert.deepStrictEqual(
        yield* Effect.forEach(kinds, (kind) => workers.run({ kind, x: 7 })),
        [49, 49, 49]
      )
    })
  )

  it.live("work at the same time, as many as there are threads", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf({ size: 3 })
      const counters = new SharedArrayBuffer(4)
      const threads = yield* Effect.all(
        Array.from({ length: 3 }, () => workers.run({ kind: "meet", counters, parties: 3 })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(threads).size, 3)
    })
  )

  it.live("give errors back as what they were", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf()
      const error = yield* Effect.flip(workers.run({ kind: "trouble" }))
      assert.instanceOf(error, Trouble)
      assert.deepStrictEqual(error, new Trouble({ depth: 3 }))
      const caught = yield* workers
        .run({ kind: "trouble" })
        .pipe(Effect.catchTag("Trouble", ({ depth }) => Effect.succeed(depth)))
      assert.strictEqual(caught, 3)
    })
  )

  it.live("say what went wrong where nobody expected it", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf()
      const reasons = yield* Effect.forEach(
        ["surprise", "throw", "reject", "function", "interrupt"] as const,
        (kind) => Effect.map(Effect.flip(workers.run({ kind })), (error) => `${error._tag}: ${error.message}`)
      )
      assert.deepStrictEqual(reasons.slice(0, 3), [
        "WorkerTaskError: a surprise",
        "WorkerTaskError: it threw: thrown",
        "WorkerTaskError: it threw: rejected"
      ])
      assert.match(
        reasons[3],
        /^WorkerTaskError: its result cannot be sent to another thread: .*could not be cloned/
      )
      assert.strictEqual(reasons[4], "WorkerTaskError: the task interrupted itself")
      // All on the one thread, which is as good as new.
      assert.strictEqual(yield* workers.run({ kind: "square", x: 3 }), 9)
    })
  )

  it.live("answer questions in the middle of a task", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf()
      const questions: Array<unknown> = []
      const sum = yield* workers.run(
        { kind: "ask", times: 4 },
        {
          answer: (question) =>
            Effect.sync(() => {
              questions.push(question)
              return Number(question) * 10
            })
        }
      )
      assert.deepStrictEqual(questions, [0, 1, 2, 3])
      assert.strictEqual(sum, 60)
    })
  )

  it.live("end a thread that hangs in synchronous code at its time limit, and put another in its place", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf({ grace: "20 millis" })
      const { threadId: before } = (yield* workers.run({ kind: "thread" })) as ThreadState
      const error = yield* Effect.flip(workers.run({ kind: "hang" }, { timeLimit: "50 millis" }))
      assert.strictEqual(error._tag, "WorkerTimeout")
      assert.strictEqual(error.message, "took longer than its 0.05 s")
      const { threadId: after } = (yield* workers.run({ kind: "thread" })) as ThreadState
      assert.notStrictEqual(after, before)
    })
  )

  it.live("keep a thread whose task heeds the limit", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf({ grace: "10 seconds" })
      const { threadId } = (yield* workers.run({ kind: "thread" })) as ThreadState
      const error = yield* Effect.flip(workers.run({ kind: "sleep" }, { timeLimit: "20 millis" }))
      assert.strictEqual(error._tag, "WorkerTimeout")
      assert.deepStrictEqual(yield* workers.run({ kind: "thread" }), { threadId, interruptions: 1 })
    })
  )

  it.live("cancel a task that is interrupted", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf({ grace: "10 seconds" })
      const asked = yield* Deferred.make<void>()
      const stuck = yield* Effect.forkChild(
        workers.run(
          { kind: "ask", times: 1 },
          { answer: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never) }
        )
      )
      yield* Deferred.await(asked)
      const { threadId } = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Fiber.interrupt(stuck)
          return (yield* workers.run({ kind: "thread" })) as ThreadState
        })
      )
      assert.isAbove(threadId, 0)
    })
  )

  it.live("are as good as new after many tasks were cancelled, running and waiting ones", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf({ size: 2, grace: "10 seconds" })
      const before = yield* Effect.forEach([1, 2, 3, 4], (x) => workers.run({ kind: "square", x }), {
        concurrency: 4
      })
      const asleep = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.forkChild(workers.run({ kind: "sleep" }))
      )
      yield* Effect.yieldNow
      yield* Fiber.interruptAll(asleep)
      const after = yield* Effect.forEach([1, 2, 3, 4], (x) => workers.run({ kind: "square", x }), {
        concurrency: 4
      })
      assert.deepStrictEqual(after, before)
    })
  )

  it.live("survive threads that exit or crash in the middle", () =>
    Effect.gen(function* () {
      const workers = yield* workersOf()
      const left = yield* Effect.flip(workers.run({ kind: "exit" }))
      assert.strictEqual(left._tag, "WorkerCrashed")
      assert.include(left.message, "exit code 7")
      const crashed = yield* Effect.flip(workers.run({ kind: "crash" }))
      assert.strictEqual(crashed._tag, "WorkerCrashed")
      assert.include(crashed.message, "out of the blue")
      assert.strictEqual(yield* workers.run({ kind: "square", x: 5 }), 25)
    })
  )

  it.live("say what is wrong with a module or an input", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(
        workersOf({ module: new URL("./workers/missing.ts", import.meta.url) })
      )
      assert.strictEqual(missing._tag, "WorkerModuleError")
      assert.include(missing.message, "missing.ts")
      const none = yield* Effect.flip(workersOf({ module: new URL("./workers/noTask.ts", import.meta.url) }))
      assert.include(none.message, "its default export is not a function")
      const workers = yield* workersOf()
      const input = { kind: "square", x: (() => 1) as unknown as number } as const
      const error = yield* Effect.flip(workers.run(input))
      assert.instanceOf(error, WorkerTaskError)
      assert.include(error.message, "the input cannot be sent to another thread")
      assert.strictEqual(yield* workers.run({ kind: "square", x: 2 }), 4)
    })
  )

  it.live("have the environment that they are given, and end with their scope", () =>
    Effect.gen(function* () {
      const said = yield* Effect.scoped(
        Effect.flatMap(
          workersOf({ env: { ...process.env, TESSERAE_TEST: "given" }, data: { sent: 1 } }),
          (workers) => workers.run({ kind: "environment" })
        )
      )
      assert.deepStrictEqual(said, ["given", { sent: 1 }])
      // A thread that hangs does not keep its scope from ending.
      const asked = yield* Deferred.make<void>()
      const hanging = yield* Effect.forkChild(
        Effect.scoped(
          Effect.flatMap(workersOf({ grace: 0 }), (workers) =>
            workers.run({ kind: "hang" }, { answer: () => Deferred.succeed(asked, undefined) })
          )
        )
      )
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(hanging)
    })
  )
})
