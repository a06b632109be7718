import type { Effect, Schema } from "effect"

/** What a worker thread is started with. */
export interface ThreadData {
  /** The address of the module whose default export is the task. */
  readonly module: string
  readonly data: unknown
}

/** What a task knows beside its input, and what it may ask of the thread that wants its result, while it works. */
export interface TaskContext {
  /** What the pool was made with. */
  readonly data: unknown
  /** Sends a question, anything that can be cloned, and waits for the answer. */
  readonly ask: (question: unknown) => Effect.Effect<unknown>
}

/** What a module for workers exports by default. */
export type Task<Input, Output, E = unknown> = (
  input: Input,
  context: TaskContext
) => Effect.Effect<Output, E> | Promise<Output> | Output

export type ToThread =
  | { readonly kind: "run"; readonly id: number; readonly input: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly question: number; readonly answer: unknown }
  | { readonly kind: "cancel"; readonly id: number }

export type FromThread =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly reason: string }
  | {
      readonly kind: "question"
      readonly id: number
      readonly question: number
      readonly content: unknown
    }
  | { readonly kind: "done"; readonly id: number; readonly output: unknown }
  | Failed
  | { readonly kind: "cancelled"; readonly id: number }

export interface Failed {
  readonly kind: "failed"
  readonly id: number
  /** The error as its schema encodes it, where it has one. */
  readonly error: Schema.Json | undefined
  readonly message: string
}
