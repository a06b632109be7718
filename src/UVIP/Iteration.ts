import { Effect, Stream } from "effect"
import { timeSlice } from "../Tensor/TimeSlice.ts"

/**
 * An iterative algorithm: where it begins, one step, and when to stop. A run and a stream of infos follow from these; progress, early stopping
 * and checkpoints are made from the stream or the steps.
 */
export interface Iteration<State, Info, E = never> {
  readonly init: Effect.Effect<State, E>
  readonly step: (state: State) => Effect.Effect<readonly [State, Info], E>
  readonly isDone: (info: Info) => boolean
}

/** All steps to the end: the last state and its info. */
export const run = <State, Info, E>(
  iteration: Iteration<State, Info, E>
): Effect.Effect<readonly [State, Info], E> =>
  Effect.gen(function* () {
    const pause = timeSlice()
    let state = yield* iteration.init
    for (;;) {
      const [next, info] = yield* iteration.step(state)
      if (iteration.isDone(info)) return [next, info] as const
      state = next
      yield* pause
    }
  })

/** One info a step, the last included. */
export const stream = <State, Info, E>(iteration: Iteration<State, Info, E>): Stream.Stream<Info, E> =>
  Stream.unwrap(
    Effect.map(iteration.init, (first) =>
      Stream.unfold({ state: first, done: false }, ({ state, done }) =>
        done
          ? Effect.undefined
          : Effect.map(
              iteration.step(state),
              ([next, info]) => [info, { state: next, done: iteration.isDone(info) }] as const
            )
      )
    )
  )
