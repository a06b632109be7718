import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Effect, type Layer } from "effect"
import { CliError, Command } from "effect/cli"

type Services = Layer.Success<typeof NodeServices.layer>

/**
 * Runs an example's command. What it is expected to fail with is said in one line, by its message, and a defect with its trace; either ends
 * the process with 1.
 */
export const main = <Name extends string, Input, Context, E>(
  command: Command.Command<Name, Input, Context, E, Services>
): void =>
  command.pipe(
    Command.run({ version: "0.1.0" }),
    Effect.tapCause((cause) =>
      Effect.sync(() => {
        if (Cause.hasInterruptsOnly(cause)) return
        const failures = cause.reasons.filter(Cause.isFailReason).map(({ error }) => error)
        // The command line's own errors are printed with the help.
        if (failures.some(CliError.isCliError)) return
        const text = failures.length > 0 ? failures.map(messageOf).join("\n") : Cause.pretty(cause)
        process.stderr.write(`${text}\n`)
      })
    ),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
