import { Schema } from "effect"

/** A search space that is none: a parameter without values, bounds reversed, conditions in a circle. */
export class SpaceError extends Schema.TaggedError<SpaceError>()("SpaceError", {
  parameter: Schema.optionalKey(Schema.String),
  reason: Schema.String
}) {
  override get message() {
    return `search space${this.parameter === undefined ? "" : `, parameter ${this.parameter}`}: ${this.reason}`
  }
}

/** No point is left to ask for: all have been, or the constraints exclude all that were drawn. */
export class SpaceExhaustedError extends Schema.TaggedError<SpaceExhaustedError>()("SpaceExhaustedError", {
  asked: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `after ${this.asked} points: ${this.reason}`
  }
}

/** An option that is out of its range. */
export class TetraOptOptionError extends Schema.TaggedError<TetraOptOptionError>()("TetraOptOptionError", {
  option: Schema.String,
  value: Schema.Unknown,
  expected: Schema.String
}) {
  override get message() {
    return `${this.option} must be ${this.expected}, not ${String(this.value)}`
  }
}

/** A result for a trial that was never asked for, or has one already. */
export class TrialError extends Schema.TaggedError<TrialError>()("TrialError", {
  trial: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `trial ${this.trial}: ${this.reason}`
  }
}

/** No trial succeeded, so there is no best one; `reason` is that of the last failure. */
export class NoResultError extends Schema.TaggedError<NoResultError>()("NoResultError", {
  trials: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `none of ${this.trials} trials gave a finite value; the last: ${this.reason}`
  }
}

/** A batch function that threw, or gave another count of values than it was given points. */
export class BatchFunctionError extends Schema.TaggedError<BatchFunctionError>()("BatchFunctionError", {
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `the function under minimisation ${this.reason}`
  }
}

/** A study's journal that cannot be opened, read or written; what was written before is as it was. */
export class StudyFileError extends Schema.TaggedError<StudyFileError>()("StudyFileError", {
  path: Schema.String,
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.path}: ${this.reason}`
  }
}

/** A journal that holds another study than the one that was asked for: `what` differs. */
export class StudyMismatchError extends Schema.TaggedError<StudyMismatchError>()("StudyMismatchError", {
  path: Schema.String,
  what: Schema.String,
  stored: Schema.String,
  wanted: Schema.String
}) {
  override get message() {
    return (
      `${this.path} holds another study: its ${this.what} is ${this.stored}, here it is ${this.wanted}; ` +
      "name another journal, or ask for the study as it was begun"
    )
  }
}

/** How a trial ends that is not worth going on with, by its intermediate values; the study records it as pruned. */
export class TrialPruned extends Schema.TaggedError<TrialPruned>()("TrialPruned", {
  trial: Schema.Number,
  step: Schema.Number,
  value: Schema.Number
}) {
  override get message() {
    return `trial ${this.trial} was pruned at step ${this.step}, with ${this.value}`
  }
}

/** An objective that failed on another thread or machine; what it failed with, in words. */
export class TrialFailed extends Schema.TaggedError<TrialFailed>()("TrialFailed", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}
