import { Effect, Schema } from "effect"
import { NumericalError } from "../Tensor/index.ts"

/** Draws, scores or functionals that no estimate can be made from; `where` says which number it was. */
export class ChainError extends Schema.TaggedError<ChainError>()("ChainError", {
  where: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.where}: ${this.reason}`
  }
}

/** An option that is out of its range. */
export class ControlVariateOptionError extends Schema.TaggedError<ControlVariateOptionError>()(
  "ControlVariateOptionError",
  { option: Schema.String, value: Schema.Unknown, expected: Schema.String }
) {
  override get message() {
    return `${this.option} must be ${this.expected}, not ${String(this.value)}`
  }
}

/** A target whose density or score cannot be had: bad data, or a NaN where the density is positive. */
export class TargetError extends Schema.TaggedError<TargetError>()("TargetError", {
  target: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `target ${this.target}: ${this.reason}`
  }
}

/** A file of samples that is not what it says, or not what was asked for; `line` counts from 1. */
export class SampleFileError extends Schema.TaggedError<SampleFileError>()("SampleFileError", {
  path: Schema.String,
  line: Schema.optionalKey(Schema.Number),
  reason: Schema.String
}) {
  override get message() {
    return `${this.path}${this.line === undefined ? "" : `, line ${this.line}`}: ${this.reason}`
  }
}

export type ControlVariateError =
  | ChainError
  | ControlVariateOptionError
  | TargetError
  | SampleFileError
  | NumericalError

const classes = [ChainError, ControlVariateOptionError, TargetError, SampleFileError, NumericalError] as const

/** A synchronous function whose thrown errors of this room, of the class `E`, become typed failures; others are defects. */
export const attempt =
  <E extends ControlVariateError>() =>
  <A>(body: () => A): Effect.Effect<A, E> =>
    Effect.try({ try: body, catch: (cause) => cause }).pipe(
      Effect.catch((cause) =>
        classes.some((errorClass) => cause instanceof errorClass)
          ? Effect.fail(cause as E)
          : Effect.die(cause)
      )
    )

/** Throws a `ControlVariateOptionError` unless the value is a whole number from `least` to `most`. */
export const checkCount = (option: string, value: number, least = 1, most = Infinity): void => {
  if (!(Number.isSafeInteger(value) && value >= least && value <= most))
    throw new ControlVariateOptionError({
      option,
      value,
      expected:
        most === Infinity ? `a whole number of at least ${least}` : `a whole number from ${least} to ${most}`
    })
}

/** Throws a `ControlVariateOptionError` unless the value is a finite number above zero, or zero where that is allowed. */
export const checkPositive = (option: string, value: number, zero = false): void => {
  if (!(Number.isFinite(value) && (value > 0 || (zero && value === 0))))
    throw new ControlVariateOptionError({
      option,
      value,
      expected: zero ? "a finite number, zero or above" : "a finite number above zero"
    })
}
