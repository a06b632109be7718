import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, type Layer } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"

type Services = Layer.Success<typeof NodeServices.layer>

/** Help goes to standard output where it was asked for; with a wrong flag it goes where the error goes, since standard output is for results. */
const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? CliOutput.defaultPresenter
          .present(event)
          .pipe(Effect.updateService(Console.Console, (console) => ({ ...console, log: console.error })))
      : CliOutput.defaultPresenter.present(event)
})

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
    Effect.provide(presenter),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
