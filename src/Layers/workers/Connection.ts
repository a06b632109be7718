import { Worker } from "node:worker_threads"
import { Effect, Queue } from "effect"
import { WorkerModuleError } from "./Errors.ts"
import type { FromThread, ThreadData, ToThread } from "./Protocol.ts"

/** What a thread says, or that it is no more. */
export type Event = FromThread | { readonly kind: "ended"; readonly reason: string }

/** One thread, as seen from the thread that started it. */
export interface Connection {
  readonly send: (message: ToThread) => void
  /** The next thing the thread says. */
  readonly next: Effect.Effect<Event>
  readonly hasEnded: () => boolean
  readonly terminate: Effect.Effect<void>
}

export interface ThreadOptions {
  readonly module: URL
  /** Anything that can be cloned, for all tasks. */
  readonly data?: unknown
  /** Environment variables; default: those of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Node's options for the thread; default: none. */
  readonly execArgv?: ReadonlyArray<string> | undefined
}

/** What makes an effect interruptible again inside an uninterruptible region. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Starts a thread and waits until its module is loaded; fails with `WorkerModuleError` where it cannot be. Meant for an
 * uninterruptible region, so that no thread is lost between here and whoever will end it; only the wait is interruptible.
 */
export const connect = Effect.fnUntraced(function* (
  { module, data, env, execArgv }: ThreadOptions,
  restore: Restore
): Effect.fn.Return<Connection, WorkerModuleError> {
  const events = yield* Queue.unbounded<Event>()
  const here = import.meta.url
  const file = new URL(here.endsWith(".ts") ? "./thread.ts" : "./thread.js", here)
  const workerData: ThreadData = { module: module.href, data }
  const unusable = (reason: string) => new WorkerModuleError({ module: module.href, reason })
  const worker = yield* Effect.try({
    try: () =>
      new Worker(file, { workerData, execArgv: [...(execArgv ?? [])], ...(env && { env: { ...env } }) }),
    catch: (cause) => unusable(cause instanceof Error ? cause.message : String(cause))
  })
  let ended = false
  const end = (reason: string) => {
    if (ended) return
    ended = true
    Queue.offerUnsafe(events, { kind: "ended", reason })
  }
  worker.on("message", (message: FromThread) => Queue.offerUnsafe(events, message))
  worker.on("messageerror", (cause) => end(`what it said could not be read: ${cause.message}`))
  worker.on("error", (cause) => end(cause instanceof Error ? cause.message : String(cause)))
  worker.on("exit", (code) => end(`exit code ${code}`))
  const terminate = Effect.promise(() => worker.terminate()).pipe(Effect.asVoid)
  const first = yield* Effect.onInterrupt(restore(Queue.take(events)), () => terminate)
  if (first.kind !== "ready") {
    yield* terminate
    return yield* unusable(
      first.kind === "unusable" || first.kind === "ended" ? first.reason : "it did not start"
    )
  }
  return {
    send: (message) => worker.postMessage(message),
    next: Queue.take(events),
    hasEnded: () => ended,
    terminate
  }
})
