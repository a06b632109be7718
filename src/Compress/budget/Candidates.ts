import { type KroneckerPlan, storedParameters, type WeightPlan } from "../Plan.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"

/** One way to store a weight. */
export interface Candidate {
  /** undefined: as it is. */
  readonly plan: WeightPlan | undefined
  readonly storedParameters: number
  /** ||C^{1/2} (W - W') M^{1/2}||² / ||C^{1/2} W M^{1/2}||², in the metrics of the inputs and of the outputs. */
  readonly squaredError: number
}

/** Ranks that are considered for a weight, evenly spread up to where nothing is saved. */
const rankCount = 32

/** The weight as it is, and low ranks that take fewer numbers. */
export const lowRankCandidates = ({ inputs, outputs, lost }: MeasuredWeight): ReadonlyArray<Candidate> => {
  const largest = Math.ceil((inputs * outputs) / (inputs + outputs)) - 1
  const ranks = new Set(
    Array.from({ length: rankCount }, (_, i) => Math.max(1, Math.round((largest * (i + 1)) / rankCount)))
  )
  const whole: Candidate = { plan: undefined, storedParameters: inputs * outputs, squaredError: 0 }
  return [
    whole,
    ...[...ranks].map((rank): Candidate => {
      const plan: WeightPlan = { format: "low-rank", rank }
      return { plan, storedParameters: storedParameters(plan, [inputs, outputs]), squaredError: lost(rank) }
    })
  ]
}

const largestDivisor = (size: number, most: number): number => {
  let divisor = most
  while (size % divisor !== 0) divisor--
  return divisor
}

/**
 * Kronecker sums worth a trial: blocks of 2 by 4 along the longer side, for a half and a quarter of the numbers, and one product with a low
 * rank beside it. None for a square matrix, where low ranks of the same size are better.
 */
export const kroneckerPlans = (inputs: number, outputs: number): ReadonlyArray<KroneckerPlan> => {
  if (inputs === outputs) return []
  const right: readonly [number, number] = [
    largestDivisor(inputs, inputs > outputs ? 4 : 2),
    largestDivisor(outputs, inputs > outputs ? 2 : 4)
  ]
  const slots = right[0] * right[1]
  if (slots < 4) return []
  const sum = (terms: number): KroneckerPlan => ({
    format: "kronecker",
    terms,
    left: [inputs / right[0], outputs / right[1]],
    right,
    permute: "rows-and-columns"
  })
  const one = sum(1)
  const rank = Math.floor(
    (inputs * outputs - 2 * storedParameters(one, [inputs, outputs])) / (2 * (inputs + outputs))
  )
  return [sum(slots / 2), sum(slots / 4), ...(rank > 0 ? [{ ...one, rank }] : [])]
}
