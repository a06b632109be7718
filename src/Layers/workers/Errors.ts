import { Schema } from "effect"

/** A module that no worker can use: it is not there, does not load, or exports no task. */
export class WorkerModuleError extends Schema.TaggedError<WorkerModuleError>()("WorkerModuleError", {
  module: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.module}: no worker can use this module: ${this.reason}`
  }
}

/** A thread that ended in the middle of its task; another takes its place. */
export class WorkerCrashed extends Schema.TaggedError<WorkerCrashed>()("WorkerCrashed", {
  reason: Schema.String
}) {
  override get message() {
    return `the worker thread ended in the middle of its task: ${this.reason}`
  }
}

/** A task that took longer than it may; one that did not even hear of it was ended with its thread. */
export class WorkerTimeout extends Schema.TaggedError<WorkerTimeout>()("WorkerTimeout", {
  milliseconds: Schema.Number
}) {
  override get message() {
    return `took longer than its ${this.milliseconds / 1000} s`
  }
}

/** A task that failed with none of the errors that were to be expected, or threw. */
export class WorkerTaskError extends Schema.TaggedError<WorkerTaskError>()("WorkerTaskError", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}
