import { threadId } from "node:worker_threads"
import { Effect } from "effect"
import type { TaskContext } from "../../../src/Layers/index.ts"
import { Trouble } from "./Trouble.ts"

export type Request =
  | { readonly kind: "square" | "promise" | "plain"; readonly x: number }
  | { readonly kind: "thread" | "trouble" | "surprise" | "throw" | "reject" | "hang" | "sleep" }
  | { readonly kind: "exit" | "crash" | "function" | "interrupt" | "environment" }
  | { readonly kind: "ask"; readonly times: number }
  | { readonly kind: "meet"; readonly counters: SharedArrayBuffer; readonly parties: number }

let interruptions = 0

/** All that a task may do, and all that may go wrong with it. */
export default (
  request: Request,
  { ask, data }: TaskContext
): Effect.Effect<unknown, Trouble | Error> | Promise<unknown> | number => {
  switch (request.kind) {
    case "square":
      return Effect.succeed(request.x ** 2)
    case "promise":
      return Promise.resolve(request.x ** 2)
    case "plain":
      return request.x ** 2
    case "thread":
      return Effect.succeed({ threadId, interruptions })
    case "trouble":
      return Effect.fail(new Trouble({ depth: 3 }))
    case "surprise":
      return Effect.fail(new Error("a surprise"))
    case "throw":
      throw new Error("thrown")
    case "reject":
      return Promise.reject(new Error("rejected"))
    case "hang":
      return Effect.andThen(
        ask("hangs now"),
        Effect.sync(() => {
          for (;;);
        })
      )
    case "sleep":
      return Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interruptions++
        })
      )
    case "exit":
      return process.exit(7)
    case "crash":
      // Thrown outside the task's fiber.
      setImmediate(() => {
        throw new Error("out of the blue")
      })
      return Effect.never
    case "function":
      return Effect.succeed(() => 1)
    case "interrupt":
      return Effect.interrupt
    case "environment":
      return Effect.succeed([process.env.TESSERAE_TEST, data])
    case "ask":
      return Effect.map(
        Effect.forEach(
          Array.from({ length: request.times }, (_, i) => i),
          ask
        ),
        (answers) => answers.reduce((sum: number, answer) => sum + Number(answer), 0)
      )
    case "meet": {
      // Blocks the thread until so many threads are here: none comes back before all work at once.
      const counters = new Int32Array(request.counters)
      Atomics.add(counters, 0, 1)
      Atomics.notify(counters, 0)
      for (;;) {
        const here = Atomics.load(counters, 0)
        if (here >= request.parties) return Effect.succeed(threadId)
        Atomics.wait(counters, 0, here)
      }
    }
  }
}
