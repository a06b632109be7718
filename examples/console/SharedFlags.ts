import { Schema } from "effect"
import { Flag } from "effect/cli"
import { backendNames } from "./Backends.ts"

/** A flag's whole number has to be at least this. */
export const atLeast = (least: number) =>
  Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(least)))

export const backendFlag = Flag.Literals("backend", backendNames).pipe(
  Flag.withDefault("auto"),
  Flag.withDescription("auto takes the best there is: gpu (CUDA), webgpu, cpu")
)

export const seedFlag = Flag.Int("seed").pipe(Flag.withDefault(1))

export const outFlag = (directory: string, contents: string) =>
  Flag.String("out").pipe(
    Flag.withDefault(directory),
    Flag.withDescription(`a directory for ${contents}; default: ${directory}`)
  )

export const jsonFlag = (place: string) =>
  Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription(`one line of JSON ${place}`))

/** Text files to use instead of the shipped model's corpus; none: that. */
export const textFlag = (use: string) =>
  Flag.String("text").pipe(
    Flag.atLeast(0),
    Flag.withDescription(`text files to ${use}; default: the corpus of the shipped model`)
  )
