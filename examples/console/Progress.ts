import { Clock, Context, Effect, Layer } from "effect"

/** Seconds between two lines where the output is no terminal. */
const every = 5

/**
 * How long work shows that it goes on: one line that is rewritten on a terminal, a line every few seconds elsewhere, nothing
 * where only JSON is wanted. Goes to standard error, so that results can be piped.
 */
export class Progress extends Context.Service<
  Progress,
  {
    /** What is being done now, and how much of it, from 0 to 1, where that is known. */
    readonly show: (text: string, share?: number) => Effect.Effect<void>
    /** A line that stays. */
    readonly line: (text: string) => Effect.Effect<void>
  }
>()("tesserae/examples/Progress") {
  static readonly silent = Layer.succeed(Progress, {
    show: () => Effect.void,
    line: () => Effect.void
  })

  static readonly layer = Layer.effect(
    Progress,
    Effect.sync(() => {
      const isTerminal = process.stderr.isTTY === true
      let last = 0
      let width = 0
      const show = Effect.fnUntraced(function* (text: string, share?: number) {
        const line = share === undefined ? text : `${bar(share)} ${text}`
        if (isTerminal) {
          const room = process.stderr.columns ?? 80
          const cut = line.length >= room ? `${line.slice(0, room - 2)}…` : line
          yield* write(`\r${cut.padEnd(width)}`)
          width = cut.length
          return
        }
        const now = yield* Clock.currentTimeMillis
        if (now - last < every * 1000) return
        last = now
        yield* write(`${line}\n`)
      })
      const line = Effect.fnUntraced(function* (text: string) {
        yield* write(isTerminal ? `\r${text.padEnd(width)}\n` : `${text}\n`)
        width = 0
      })
      return { show, line }
    })
  )
}

/** Progress, unless only results are wanted. */
export const progressLayer = (silent: boolean) => (silent ? Progress.silent : Progress.layer)

const write = (text: string): Effect.Effect<void> =>
  Effect.sync(() => {
    process.stderr.write(text)
  })

const bar = (share: number): string => {
  const filled = Math.round(20 * Math.min(1, Math.max(0, share)))
  return `[${"#".repeat(filled)}${".".repeat(20 - filled)}]`
}
