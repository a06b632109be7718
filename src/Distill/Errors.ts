import { Schema } from "effect"

/** A checkpoint that cannot be written, or from which this run cannot go on: which file, and why. */
export class CheckpointError extends Schema.TaggedError<CheckpointError>()("CheckpointError", {
  path: Schema.String,
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `checkpoint ${this.path}: ${this.reason}`
  }
}

/** A setting of a training run that cannot be followed. */
export class TrainerSettingsError extends Schema.TaggedError<TrainerSettingsError>()("TrainerSettingsError", {
  setting: Schema.String,
  value: Schema.Number,
  expected: Schema.String
}) {
  override get message() {
    return `training: ${this.setting} is ${this.value}; it must be ${this.expected}`
  }
}
