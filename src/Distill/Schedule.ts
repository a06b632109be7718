import { Schema } from "effect"

const Rate = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

const common = { peak: Rate, warmupSteps: Schema.Natural }

/**
 * How the learning rate goes over a run; plain JSON. Every schedule rises linearly to `peak` over its first `warmupSteps` steps.
 *
 * - `constant` stays there.
 * - `cosine` falls to `floor` at the last step along half a cosine (Loshchilov and Hutter, "SGDR", 2017).
 * - `stable-decay` stays, and falls linearly to `floor` over the last `decaySteps` steps (Hu et al., "MiniCPM", 2024).
 */
export const Schedule = Schema.Union([
  Schema.TaggedStruct("constant", common),
  Schema.TaggedStruct("cosine", { ...common, floor: Rate }),
  Schema.TaggedStruct("stable-decay", { ...common, floor: Rate, decaySteps: Schema.Natural })
])
export type Schedule = typeof Schedule.Type

/** The learning rate of update number `step`, 1 to `steps`, of a run of `steps` updates. */
export const learningRate = (schedule: Schedule, step: number, steps: number): number => {
  const { peak, warmupSteps } = schedule
  if (step < warmupSteps) return (peak * step) / warmupSteps
  switch (schedule._tag) {
    case "constant":
      return peak
    case "cosine": {
      const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps))
      return schedule.floor + ((peak - schedule.floor) * (1 + Math.cos(Math.PI * progress))) / 2
    }
    case "stable-decay": {
      const left = Math.max(0, steps - step)
      return left >= schedule.decaySteps
        ? peak
        : schedule.floor + ((peak - schedule.floor) * left) / schedule.decaySteps
    }
  }
}

export interface WarmUp {
  /** The highest learning rate. */
  readonly peak: number
  /** Updates over which the rate rises to it; default 0. */
  readonly warmupSteps?: number
}

export interface WarmUpAndFloor extends WarmUp {
  /** The rate at the last update; default 0. */
  readonly floor?: number
}

export const constant = ({ peak, warmupSteps = 0 }: WarmUp): Schedule => ({
  _tag: "constant",
  peak,
  warmupSteps
})

/**
 * Warm-up, then half a cosine down to the floor.
 *
 * @example
 * const schedule = Schedule.cosine({ peak: 1e-3, floor: 1e-4, warmupSteps: 100 })
 * Schedule.learningRate(schedule, 100, 1000) // 0.001
 */
export const cosine = ({ peak, floor = 0, warmupSteps = 0 }: WarmUpAndFloor): Schedule => ({
  _tag: "cosine",
  peak,
  floor,
  warmupSteps
})

/** Warm-up, a plateau, and a linear fall to the floor over the last `decaySteps` updates. A run can be prolonged on its plateau. */
export const stableDecay = ({
  peak,
  floor = 0,
  warmupSteps = 0,
  decaySteps
}: WarmUpAndFloor & { readonly decaySteps: number }): Schedule => ({
  _tag: "stable-decay",
  peak,
  floor,
  warmupSteps,
  decaySteps
})
