/** What a trial's objective reported on its way. */
export interface Report {
  /** How far it was: steps, epochs, seconds; above 0. */
  readonly step: number
  readonly value: number
}

/** What became of a trial. */
export type Outcome =
  | { readonly status: "complete"; readonly value: number }
  | { readonly status: "failed"; readonly reason: string }
  /** Given up at this step, for the value it had there. */
  | { readonly status: "pruned"; readonly step: number; readonly value: number }

/** One evaluation of the objective: asked for once, told once. */
export interface Trial<A> {
  /** From 0, in the order of asking; what `tell` and `report` go by. */
  readonly number: number
  readonly configuration: A
  /** The configuration as samplers see it. */
  readonly row: Float64Array
  /** undefined while it is out. */
  readonly outcome: Outcome | undefined
  readonly reports: ReadonlyArray<Report>
  /** From asking to telling; undefined while it is out. */
  readonly seconds: number | undefined
}

/** What to make small or large. */
export type Goal = "minimise" | "maximise"

/** Losses are what samplers and pruning see: the lower the better, Infinity for a trial that gave nothing. */
export const lossOf = (goal: Goal, outcome: Outcome): number =>
  outcome.status === "failed" ? Infinity : asLoss(goal, outcome.value)

/** NaN is as bad as can be. */
export const asLoss = (goal: Goal, value: number): number => {
  if (Number.isNaN(value)) return Infinity
  return goal === "minimise" ? value : -value
}
