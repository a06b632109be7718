import { type KroneckerPlan, storedParameters, type WeightPlan } from "../Plan.ts"
import type { MeasuredWeight } from "./MeasuredWeight.ts"

/** One way to store a weight. */
export interface Candidate {
  /** undefined: as it is. */
  readonly plan: WeightPlan | undefined
  readonly storedParameters: number
  /** ||C^{1/2} (W - W') M^{1/2}||² / ||C^{1/2} W M^{1/2}||², in the metrics of the inputs and of the outputs. */
  readonly squaredError: number
  /** How many times as much as a low rank's error, as great, its error is felt where it is the only one; default 1. */
  readonly severity?: number | undefined
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

/** Sizes at which sums with a low rank beside them are tried, as parts of the matrix. */
const sharesTried = [0.3, 0.6]

/**
 * Kronecker sums worth a trial: blocks of 2 by 4 along the longer side (1 by 4 of an embedding, whose rows are looked up), for a half, a
 * quarter and three quarters of the numbers, and one product with low ranks beside it.
 */
export const kroneckerPlans = ({
  name,
  inputs,
  outputs
}: Pick<MeasuredWeight, "name" | "inputs" | "outputs">): ReadonlyArray<KroneckerPlan> => {
  const isLayer = name.startsWith("h.")
  const right: readonly [number, number] = [
    largestDivisor(inputs, isLayer ? (inputs > outputs ? 4 : 2) : 1),
    largestDivisor(outputs, isLayer && inputs > outputs ? 2 : 4)
  ]
  const slots = right[0] * right[1]
  if (slots < 4) return []
  const sum = (terms: number): KroneckerPlan => ({
    format: "kronecker",
    terms,
    left: [inputs / right[0], outputs / right[1]],
    right,
    permute: right[0] > 1 ? "rows-and-columns" : "columns"
  })
  const one = sum(1)
  const rankFor = (share: number) =>
    Math.floor((share * inputs * outputs - storedParameters(one, [inputs, outputs])) / (inputs + outputs))
  return [
    ...[1 / 2, 1 / 4, 3 / 4].map((share) => sum(Math.round(share * slots))),
    ...sharesTried.map(rankFor).flatMap((rank) => (rank > 0 ? [{ ...one, rank }] : []))
  ]
}

/** Ranks that are considered beside one product: evenly spread up to where nothing is saved. */
export const ranksBeside = (
  { inputs, outputs }: MeasuredWeight,
  one: KroneckerPlan
): ReadonlyArray<number> => {
  const { rank: _, ...alone } = one
  const room = inputs * outputs - storedParameters(alone, [inputs, outputs]) - 1
  const largest = Math.min(inputs, outputs, Math.floor(room / (inputs + outputs)))
  return [
    ...new Set(
      Array.from({ length: rankCount }, (_, i) => Math.round((largest * (i + 1)) / rankCount)).filter(
        (rank) => rank > 0
      )
    )
  ]
}
