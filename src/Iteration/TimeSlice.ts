import { Effect } from "effect"

/**
 * An effect for the inside of a long loop: it yields, so that other fibers run and interruption takes effect, whenever the given
 * time (milliseconds) has passed since it last did, and otherwise costs a fraction of a microsecond.
 *
 * @example
 * const pause = timeSlice()
 * for (const chunk of chunks) {
 *   work(chunk)
 *   yield* pause
 * }
 */
export const timeSlice = (milliseconds = 10): Effect.Effect<void> => {
  let start = performance.now()
  return Effect.suspend(() => {
    if (performance.now() - start < milliseconds) return Effect.void
    return Effect.map(Effect.yieldNow, () => {
      start = performance.now()
    })
  })
}
