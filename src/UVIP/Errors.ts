import { Effect, Schema } from "effect"

const place = (state: number | undefined, action: number | undefined): string =>
  state === undefined ? "" : action === undefined ? `state ${state}: ` : `state ${state}, action ${action}: `

/** A Markov decision process that is none; `state` and `action` say where. */
export class MdpError extends Schema.TaggedError<MdpError>()("MdpError", {
  state: Schema.optionalKey(Schema.Number),
  action: Schema.optionalKey(Schema.Number),
  reason: Schema.String
}) {
  override get message() {
    return `${place(this.state, this.action)}${this.reason}`
  }
}

/** A policy that does not fit its problem, or whose probabilities are none. */
export class PolicyError extends Schema.TaggedError<PolicyError>()("PolicyError", {
  state: Schema.optionalKey(Schema.Number),
  action: Schema.optionalKey(Schema.Number),
  reason: Schema.String
}) {
  override get message() {
    return `policy: ${place(this.state, this.action)}${this.reason}`
  }
}

/** A simulator that threw, or answered with what is no transition. */
export class SimulatorError extends Schema.TaggedError<SimulatorError>()("SimulatorError", {
  simulator: Schema.String,
  state: Schema.Array(Schema.Number),
  action: Schema.Number,
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    const state = this.state.length === 1 ? String(this.state[0]) : `[${this.state.join(", ")}]`
    return `simulator ${this.simulator}, state ${state}, action ${this.action}: ${this.reason}`
  }
}

/** An option that is out of its range. */
export class UvipOptionError extends Schema.TaggedError<UvipOptionError>()("UvipOptionError", {
  option: Schema.String,
  value: Schema.Unknown,
  expected: Schema.String
}) {
  override get message() {
    return `${this.option} must be ${this.expected}, not ${String(this.value)}`
  }
}

/** Worker threads that could not be started, or that ended in the midst of their work. */
export class WorkerThreadError extends Schema.TaggedError<WorkerThreadError>()("WorkerThreadError", {
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `worker threads: ${this.reason}; with threads: 1 all is done in this thread`
  }
}

export type UvipError = MdpError | PolicyError | SimulatorError | UvipOptionError

const isUvipError = (cause: unknown): cause is UvipError =>
  cause instanceof MdpError ||
  cause instanceof PolicyError ||
  cause instanceof SimulatorError ||
  cause instanceof UvipOptionError

/** A synchronous function whose thrown errors of this room, of the class `E`, become typed failures; others are defects. */
export const attempt =
  <E extends UvipError = UvipError>() =>
  <A>(body: () => A): Effect.Effect<A, E> =>
    Effect.try({ try: body, catch: (cause) => cause }).pipe(
      Effect.catch((cause) => (isUvipError(cause) ? Effect.fail(cause as E) : Effect.die(cause)))
    )

/** Throws a `UvipOptionError` unless the value is a whole number of at least `least`. */
export const checkCount = (option: string, value: number, least = 1): void => {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new UvipOptionError({ option, value, expected: `a whole number of at least ${least}` })
}
