import { Schema } from "effect"

/** An option of a tensor-train method that is out of its range. */
export class TensorTrainOptionError extends Schema.TaggedError<TensorTrainOptionError>()(
  "TensorTrainOptionError",
  { operation: Schema.String, option: Schema.String, value: Schema.Unknown, expected: Schema.String }
) {
  override get message() {
    return `${this.operation}: ${this.option} must be ${this.expected}, not ${String(this.value)}`
  }
}

/** A function under approximation that threw, or gave something that is no finite number. */
export class EvaluationError extends Schema.TaggedError<EvaluationError>()("EvaluationError", {
  index: Schema.Array(Schema.Number),
  reason: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `the function at [${this.index.join(", ")}] ${this.reason}`
  }
}

/** A budget of evaluations that does not reach for a first approximation. */
export class EvaluationBudgetError extends Schema.TaggedError<EvaluationBudgetError>()(
  "EvaluationBudgetError",
  { budget: Schema.Number, needed: Schema.Number }
) {
  override get message() {
    return (
      `TT-cross: a budget of ${this.budget} evaluations ends within the first sweep, which needs ${this.needed} or more; ` +
      "raise maxEvaluations, or lower the starting rank, the kick or the count of validation points"
    )
  }
}
