import { availableParallelism } from "node:os"
import { Duration, Effect, Exit, Schema, type Scope, Semaphore } from "effect"
import { connect, type Connection, type Restore, type ThreadOptions } from "./workers/Connection.ts"
import { WorkerCrashed, WorkerModuleError, WorkerTaskError, WorkerTimeout } from "./workers/Errors.ts"
import type { Failed, Task, TaskContext } from "./workers/Protocol.ts"

export { WorkerCrashed, WorkerModuleError, WorkerTaskError, WorkerTimeout }
export type { Task, TaskContext }

export interface WorkerOptions<E = never> extends ThreadOptions {
  /** Threads at most; they are started when they are needed. Default: one less than there are cores, at least 1. */
  readonly size?: number | undefined
  /**
   * The errors that the task is expected to fail with. Classes of `Schema.TaggedError` arrive as what they were; any other
   * failure arrives as `WorkerTaskError`.
   */
  readonly errors?: Schema.Codec<E, unknown> | undefined
  /** How long a task that is cancelled has to clean up before its thread is ended; default half a second. */
  readonly grace?: Duration.Input | undefined
}

export interface CallOptions {
  /** What to say to a task that asks. */
  readonly answer?: ((question: unknown) => Effect.Effect<unknown>) | undefined
  /** Default: none. */
  readonly timeLimit?: Duration.Input | undefined
}

export type WorkerError = WorkerCrashed | WorkerModuleError | WorkerTaskError | WorkerTimeout

/** Threads that do one task each at a time. */
export interface Workers<Input, Output, E> {
  readonly size: number
  /**
   * Does a task on a thread that is free, as soon as there is one. Interrupting it cancels the task; a thread that does not heed that
   * within its grace, because it hangs in synchronous code, is ended, and so is one whose task took longer than its limit. Fails as the
   * task does, and with `WorkerTimeout`, `WorkerCrashed` or `WorkerTaskError`.
   */
  readonly run: (input: Input, options?: CallOptions) => Effect.Effect<Output, E | WorkerError>
}

/**
 * A pool of worker threads that do the task which a module exports by default: a function of an input that can be cloned to
 * an effect, a promise or a value. The threads end with the scope. Fails with `WorkerModuleError` where no worker can load the module.
 *
 * @example
 * // objective.ts
 * export default (x: number) => Effect.succeed(x * x)
 * // main.ts
 * const workers = yield* makeWorkers<typeof import("./objective.ts").default>({
 *   module: new URL("./objective.ts", import.meta.url),
 *   size: 2
 * })
 * const four = yield* workers.run(2)
 */
export const makeWorkers = Effect.fn("Workers.make")(function* <T extends Task<never, unknown>, E = never>(
  options: WorkerOptions<E>
): Effect.fn.Return<Workers<InputOf<T>, OutputOf<T>, E>, WorkerModuleError, Scope.Scope> {
  const size = Math.max(1, Math.floor(options.size ?? availableParallelism() - 1))
  const grace = options.grace ?? Duration.millis(500)
  const places = yield* Semaphore.make(size)
  const idle: Array<Connection> = []
  const all = new Set<Connection>()
  let calls = 0

  const start = (restore: Restore) =>
    Effect.tap(connect(options, restore), (thread) => Effect.sync(() => all.add(thread)))
  yield* Effect.addFinalizer(() =>
    Effect.forEach([...all], ({ terminate }) => terminate, { concurrency: "unbounded", discard: true })
  )
  // Whatever is wrong with the module shows here.
  idle.push(yield* Effect.uninterruptibleMask(start))

  const take = (restore: Restore) =>
    Effect.suspend(() => {
      for (let thread = idle.pop(); thread !== undefined; thread = idle.pop()) {
        if (!thread.hasEnded()) return Effect.succeed(thread)
        all.delete(thread)
      }
      return start(restore)
    })

  const end = (thread: Connection) =>
    Effect.suspend(() => {
      all.delete(thread)
      return thread.terminate
    })

  const decode =
    options.errors === undefined ? undefined : Schema.decodeUnknownExit(Schema.toCodecJson(options.errors))
  const failureOf = ({ error, message }: Failed): E | WorkerTaskError => {
    const decoded = error === undefined ? undefined : decode?.(error)
    return decoded !== undefined && Exit.isSuccess(decoded)
      ? decoded.value
      : new WorkerTaskError({ reason: message })
  }

  /** Until the thread says what became of the task. */
  const follow = Effect.fnUntraced(function* (thread: Connection, id: number, answer: CallOptions["answer"]) {
    for (;;) {
      const event = yield* thread.next
      if (event.kind === "ended") return yield* new WorkerCrashed({ reason: event.reason })
      if (!("id" in event) || event.id !== id) continue
      if (event.kind === "done") return event.output as OutputOf<T>
      if (event.kind === "failed") return yield* Effect.fail(failureOf(event))
      if (event.kind === "cancelled")
        return yield* new WorkerTaskError({ reason: "the task interrupted itself" })
      const said = answer === undefined ? undefined : yield* answer(event.content)
      thread.send({ kind: "answer", id, question: event.question, answer: said })
    }
  })

  const cancel = Effect.fnUntraced(function* (thread: Connection, id: number) {
    thread.send({ kind: "cancel", id })
    const heeded = yield* Effect.timeoutOption(Effect.exit(follow(thread, id, undefined)), grace)
    if (heeded._tag === "Some" && !thread.hasEnded()) idle.push(thread)
    else yield* end(thread)
  })

  const call = Effect.fnUntraced(function* (input: InputOf<T>, answer: CallOptions["answer"]) {
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const thread = yield* take(restore)
        const id = calls++
        const sent = yield* Effect.exit(
          Effect.try({
            try: () => thread.send({ kind: "run", id, input }),
            catch: (cause) =>
              new WorkerTaskError({
                reason: `the input cannot be sent to another thread: ${cause instanceof Error ? cause.message : String(cause)}`
              })
          })
        )
        if (Exit.isFailure(sent)) {
          idle.push(thread)
          return yield* Effect.failCause(sent.cause)
        }
        const result = yield* restore(follow(thread, id, answer)).pipe(
          Effect.onInterrupt(() => cancel(thread, id)),
          Effect.exit
        )
        if (thread.hasEnded()) all.delete(thread)
        else if (all.has(thread) && !idle.includes(thread)) idle.push(thread)
        return yield* result
      })
    )
  })

  const run = Effect.fn("Workers.run")(function* (
    input: InputOf<T>,
    { answer, timeLimit }: CallOptions = {}
  ) {
    // The time on a thread counts, not that in waiting for one.
    const limited =
      timeLimit === undefined
        ? call(input, answer)
        : Effect.timeoutOrElse(call(input, answer), {
            duration: timeLimit,
            orElse: () => Effect.fail(new WorkerTimeout({ milliseconds: Duration.toMillis(timeLimit) }))
          })
    return yield* places.withPermit(limited)
  })
  return { size, run }
})

/** What a module's task takes. */
export type InputOf<T> = T extends (input: infer Input, context: TaskContext) => unknown ? Input : never

/** What a module's task gives. */
export type OutputOf<T> = T extends (input: never, context: TaskContext) => infer Result
  ? Result extends Effect.Effect<infer Output, infer _>
    ? Output
    : Awaited<Result>
  : never
