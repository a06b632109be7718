import { Schema } from "effect"

const Dimensions = Schema.Array(Schema.Number)

/** Shapes that do not fit an operation; `reason` says what would. */
export class ShapeError extends Schema.TaggedError<ShapeError>()("ShapeError", {
  operation: Schema.String,
  reason: Schema.String,
  shapes: Schema.Array(Dimensions)
}) {
  override get message() {
    return `${this.operation}: ${this.reason} (shapes: ${this.shapes.map((s) => `[${s.join(", ")}]`).join(", ")})`
  }
}

/** An element type that an operation or a backend does not take. */
export class DTypeError extends Schema.TaggedError<DTypeError>()("DTypeError", {
  operation: Schema.String,
  expected: Schema.Array(Schema.String),
  actual: Schema.String
}) {
  override get message() {
    return `${this.operation}: expected ${this.expected.join(" or ")}, got ${this.actual}; cast the tensor first`
  }
}

/** A computation that has no trustworthy answer: NaN input, a singular matrix, no convergence. */
export class NumericalError extends Schema.TaggedError<NumericalError>()("NumericalError", {
  operation: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.operation}: ${this.reason}`
  }
}

/** A backend that cannot run on this machine, why, and what would make it run. */
export class BackendUnavailable extends Schema.TaggedError<BackendUnavailable>()("BackendUnavailable", {
  backend: Schema.String,
  reason: Schema.String,
  remedy: Schema.String
}) {
  override get message() {
    return `backend "${this.backend}" is unavailable: ${this.reason}. ${this.remedy}`
  }
}

/** A kernel that the backend could not carry out (a lost device, a planted fault). */
export class KernelError extends Schema.TaggedError<KernelError>()("KernelError", {
  backend: Schema.String,
  kernel: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.backend}: kernel "${this.kernel}" failed: ${this.reason}`
  }
}

/** A buffer that does not fit the backend's memory; counts in bytes. */
export class OutOfMemory extends Schema.TaggedError<OutOfMemory>()("OutOfMemory", {
  backend: Schema.String,
  requestedBytes: Schema.Number,
  liveBytes: Schema.Number,
  limitBytes: Schema.Number
}) {
  override get message() {
    return (
      `${this.backend}: ${this.requestedBytes} bytes asked for with ${this.liveBytes} of ` +
      `${this.limitBytes} in use; use smaller batches, or leave scopes earlier`
    )
  }
}

/** A tensor used after the scope or region that owned it was left. */
export class UseAfterFree extends Schema.TaggedError<UseAfterFree>()("UseAfterFree", {
  operation: Schema.String,
  shape: Dimensions
}) {
  override get message() {
    return (
      `${this.operation}: the tensor of shape [${this.shape.join(", ")}] was freed when its scope or region ended; ` +
      "return it from the region, or make it in a longer scope"
    )
  }
}

export type TensorError =
  | ShapeError
  | DTypeError
  | NumericalError
  | BackendUnavailable
  | KernelError
  | OutOfMemory
  | UseAfterFree

const classes = [
  ShapeError,
  DTypeError,
  NumericalError,
  BackendUnavailable,
  KernelError,
  OutOfMemory,
  UseAfterFree
] as const

export const isTensorError = (cause: unknown): cause is TensorError =>
  classes.some((errorClass) => cause instanceof errorClass)
