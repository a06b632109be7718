import type { OwnedTrial } from "./StudyState.ts"
import { asLoss, type Goal } from "./Trial.ts"

/** Which trials go on past a rung. */
export interface HalvingOptions {
  /** The first rung, in the steps of `report`; default 1. */
  readonly firstStep?: number | undefined
  /** One of so many trials goes on at a rung, and each rung is so many times as far as the one before; default 3. */
  readonly factor?: number | undefined
}

export interface Halving {
  readonly firstStep: number
  readonly factor: number
}

/** The first value that a trial reported at or after a rung, as a loss; undefined where it never came so far. */
const lossAt = (goal: Goal, reports: OwnedTrial<unknown>["reports"], rung: number): number | undefined => {
  const report = reports.find(({ step }) => step >= rung)
  return report === undefined ? undefined : asLoss(goal, report.value)
}

/**
 * Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020; the variant that
 * stops trials, not the one that pauses them): at the rungs s, s f, s f^2, ... a trial goes on while it is among the best
 * max(1, floor(n / f)) of the n trials that have come so far.
 */
export const isWorthwhile = <A>(
  { firstStep, factor }: Halving,
  goal: Goal,
  others: ReadonlyArray<OwnedTrial<A>>,
  trial: OwnedTrial<A>
): boolean => {
  const last = trial.reports[trial.reports.length - 1]
  if (last === undefined || last.step < firstStep) return true
  const before = trial.reports[trial.reports.length - 2]?.step ?? Number.NEGATIVE_INFINITY
  let rung = firstStep
  while (rung * factor <= last.step) rung *= factor
  // Judged once at each rung, when it is reached.
  if (before >= rung) return true
  const own = asLoss(goal, last.value)
  if (own === Infinity) return false
  const losses = others.flatMap(({ reports }) => lossAt(goal, reports, rung) ?? [])
  const better = losses.filter((loss) => loss < own).length
  return better < Math.max(1, Math.floor((losses.length + 1) / factor))
}
