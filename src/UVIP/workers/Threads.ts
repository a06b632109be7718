import { Effect, type Scope } from "effect"
import { attempt, checkCount, type UvipOptionError, type WorkerThreadError } from "../Errors.ts"
import { type Crew, ownThread } from "./Crew.ts"

/**
 * A crew of worker threads, which end with the scope; with 1 it is this thread. Fails with `UvipOptionError` for a count that is none, and with
 * `WorkerThreadError` where they cannot be started.
 */
export const crewOf = Effect.fnUntraced(function* (
  threads: number
): Effect.fn.Return<Crew, UvipOptionError | WorkerThreadError, Scope.Scope> {
  yield* attempt<UvipOptionError>()(() => checkCount("threads", threads))
  if (threads === 1) return ownThread
  // What starts threads is loaded where there are to be some.
  const { poolOf } = yield* Effect.promise(() => import("./Pool.ts"))
  return yield* poolOf(threads)
})
