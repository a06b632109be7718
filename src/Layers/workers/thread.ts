import { parentPort, workerData } from "node:worker_threads"
import { Cause, Deferred, Effect, Exit, Fiber, Schema } from "effect"
import type { FromThread, Task, TaskContext, ThreadData, ToThread } from "./Protocol.ts"

const { module, data } = workerData as ThreadData

interface Running {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly questions: Map<number, Deferred.Deferred<unknown>>
}

const running = new Map<number, Running>()

const post = (message: FromThread): void => parentPort?.postMessage(message)

const messageOf = (error: unknown): string =>
  error instanceof Error ? (error.message === "" ? error.name : error.message) : String(error)

/** An error of a class that is a schema, such as Schema.TaggedError's, crosses the threads whole. */
const encoded = (error: unknown): Schema.Json | undefined => {
  if (!(error instanceof Error) || !Schema.isSchema(error.constructor)) return undefined
  const codec = Schema.toCodecJson(error.constructor as unknown as Schema.Codec<unknown, unknown>)
  const exit = Schema.encodeUnknownExit(codec)(error)
  return Exit.isSuccess(exit) ? (exit.value as Schema.Json) : undefined
}

const postFailure = (id: number, cause: Cause.Cause<unknown>): void => {
  if (Cause.hasInterruptsOnly(cause)) return post({ kind: "cancelled", id })
  const error = cause.reasons.find(Cause.isFailReason)?.error
  const defect = cause.reasons.find(Cause.isDieReason)?.defect
  if (error !== undefined) post({ kind: "failed", id, error: encoded(error), message: messageOf(error) })
  else post({ kind: "failed", id, error: undefined, message: `it threw: ${messageOf(defect)}` })
}

const postOutput = (id: number, output: unknown): void => {
  try {
    post({ kind: "done", id, output })
  } catch (cause) {
    const message = `its result cannot be sent to another thread: ${messageOf(cause)}`
    post({ kind: "failed", id, error: undefined, message })
  }
}

const evaluation = (task: Task<unknown, unknown>, input: unknown, context: TaskContext) =>
  Effect.suspend(() => {
    const result = task(input, context)
    if (Effect.isEffect(result)) return result as Effect.Effect<unknown, unknown>
    return result instanceof Promise ? Effect.promise(() => result) : Effect.succeed(result)
  })

const run = (task: Task<unknown, unknown>, id: number, input: unknown): void => {
  const questions = new Map<number, Deferred.Deferred<unknown>>()
  let asked = 0
  const ask = (content: unknown) =>
    Effect.suspend(() => {
      const question = asked++
      const answer = Deferred.makeUnsafe<unknown>()
      questions.set(question, answer)
      post({ kind: "question", id, question, content })
      return Deferred.await(answer)
    })
  const fiber = Effect.runFork(evaluation(task, input, { ask, data }))
  running.set(id, { fiber, questions })
  fiber.addObserver((exit) => {
    running.delete(id)
    if (Exit.isSuccess(exit)) postOutput(id, exit.value)
    else postFailure(id, exit.cause)
  })
}

const load = async (): Promise<Task<unknown, unknown>> => {
  const exports = (await import(module)) as { readonly default?: unknown }
  if (typeof exports.default !== "function")
    throw new Error("its default export is not a function; export the task by default")
  return exports.default as Task<unknown, unknown>
}

try {
  const task = await load()
  parentPort?.on("message", (message: ToThread) => {
    if (message.kind === "run") return run(task, message.id, message.input)
    const one = running.get(message.id)
    if (one === undefined) return
    if (message.kind === "cancel") return one.fiber.interruptUnsafe()
    const answer = one.questions.get(message.question)
    one.questions.delete(message.question)
    if (answer !== undefined) Deferred.doneUnsafe(answer, Effect.succeed(message.answer))
  })
  post({ kind: "ready" })
} catch (cause) {
  post({ kind: "unusable", reason: messageOf(cause) })
}
