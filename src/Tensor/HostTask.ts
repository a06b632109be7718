import { Effect } from "effect"
import { isTensorError, type TensorError } from "./Errors.ts"

/** A synchronous function of host arrays whose thrown `TensorError`s become typed failures. */
export const hostTask = <A>(body: () => A): Effect.Effect<A, TensorError> =>
  Effect.try({ try: body, catch: (cause) => cause }).pipe(
    Effect.catch((cause) => (isTensorError(cause) ? Effect.fail(cause) : Effect.die(cause)))
  )
