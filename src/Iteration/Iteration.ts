import { Effect, Scope, Stream } from "effect"
import { timeSlice } from "./TimeSlice.ts"

/**
 * An iterative algorithm: where it begins, one step, and which states are its end. A run and a stream of infos follow from these; progress, early
 * stopping and checkpoints are made from the stream or the steps. From a state that was kept it goes on where it was.
 */
export interface Iteration<State, Info, E = never, R = never> {
  readonly init: Effect.Effect<State, E, R>
  readonly step: (state: State) => Effect.Effect<readonly [State, Info], E, R>
  readonly isDone: (state: State) => boolean
  /** What is left to be done with the last state. */
  readonly finish?: ((state: State) => Effect.Effect<unknown, E, R>) | undefined
}

const nothing = () => Effect.void

/** All steps to the end, and the state there; `observe` is told of each. Other fibers have their turn every 10 ms or after a longer step. */
export const run = <State, Info, E, R, E2 = never, R2 = never>(
  { init, step, isDone, finish = nothing }: Iteration<State, Info, E, R>,
  observe: (info: Info) => Effect.Effect<unknown, E2, R2> = nothing
): Effect.Effect<State, E | E2, R | R2> =>
  Effect.gen(function* () {
    const pause = timeSlice()
    let state = yield* init
    while (!isDone(state)) {
      const [next, info] = yield* step(state)
      state = next
      yield* observe(info)
      yield* pause
    }
    yield* finish(state)
    return state
  })

/** One info a step. What belongs to the scope lasts as long as the stream. */
export const stream = <State, Info, E, R>({
  init,
  step,
  isDone,
  finish = nothing
}: Iteration<State, Info, E, R>): Stream.Stream<Info, E, Exclude<R, Scope.Scope>> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const pause = timeSlice()
      const next = Effect.fnUntraced(function* (state: State) {
        if (isDone(state)) {
          yield* finish(state)
          return undefined
        }
        yield* pause
        const [after, info] = yield* step(state)
        return [info, after] as const
      })
      return Stream.unfold(yield* init, (state) => Scope.provide(next(state), scope))
    })
  )
