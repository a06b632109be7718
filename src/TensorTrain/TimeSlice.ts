import { Effect } from "effect"

/** How long (milliseconds) synchronous work may go on before other fibers, and interruption, get their turn. */
const slice = 10

/**
 * An effect for the inside of a long loop: it yields where a time slice has passed since it last did, and else costs next to
 * nothing.
 */
export const timeSlice = (): Effect.Effect<void> => {
  let start = performance.now()
  return Effect.suspend(() => {
    if (performance.now() - start < slice) return Effect.void
    return Effect.map(Effect.yieldNow, () => {
      start = performance.now()
    })
  })
}
