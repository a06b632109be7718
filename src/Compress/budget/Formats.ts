import { type KroneckerPlan, type Permute, storedParameters, type WeightPlan } from "../Plan.ts"
import type { Candidate } from "./Candidates.ts"
import { lostStoring, type MeasuredWeight } from "./MeasuredWeight.ts"

/** Slots of a right factor: 2 by 4 along the longer side, and whole rows of an embedding cut into parts. */
const rightOf = ({ name, inputs, outputs }: MeasuredWeight): readonly [number, number] =>
  name.startsWith("h.") ? (inputs > outputs ? [4, 2] : [2, 4]) : [1, 4]

const candidatesOf = (weight: MeasuredWeight, plans: ReadonlyArray<WeightPlan>): ReadonlyArray<Candidate> => {
  const { inputs, outputs } = weight
  const shape = [inputs, outputs] as const
  return [
    { plan: undefined, storedParameters: inputs * outputs, squaredError: 0 },
    ...plans.map((plan) => {
      const size = storedParameters(plan, shape)
      return { plan, storedParameters: size, squaredError: lostStoring(weight, size) }
    })
  ].filter((one) => one.plan === undefined || one.storedParameters < inputs * outputs)
}

/**
 * Kronecker sums of every number of terms, for plans of this format alone: sizes are shared out by what low ranks of the same sizes lose.
 * Empty but for the weight as it is where its sides do not divide.
 */
export const kroneckerSizes =
  (permute: Permute) =>
  (weight: MeasuredWeight): ReadonlyArray<Candidate> =>
    candidatesOf(weight, kroneckerSums(weight, permute))

const kroneckerSums = (weight: MeasuredWeight, permute: Permute): ReadonlyArray<KroneckerPlan> => {
  const { inputs, outputs } = weight
  const right = rightOf(weight)
  if (inputs % right[0] !== 0 || outputs % right[1] !== 0) return []
  return Array.from({ length: right[0] * right[1] - 1 }, (_, i) => ({
    format: "kronecker" as const,
    terms: i + 1,
    left: [inputs / right[0], outputs / right[1]] as const,
    right,
    permute: permute !== "none" && right[0] === 1 ? ("columns" as const) : permute
  }))
}

/** One Kronecker product, with permutations, and a low rank beside it, for plans of such sums alone; shared out in the same way. */
export const sumSizes = (weight: MeasuredWeight): ReadonlyArray<Candidate> => {
  const { inputs, outputs } = weight
  const [one] = kroneckerSums(weight, "rows-and-columns")
  if (one === undefined) return candidatesOf(weight, [])
  const room = inputs * outputs - storedParameters(one, [inputs, outputs])
  const largest = Math.min(inputs, outputs, Math.floor(room / (inputs + outputs)))
  const ranks = new Set(Array.from({ length: 24 }, (_, i) => Math.round((largest * (i + 1)) / 24)))
  return candidatesOf(weight, [
    one,
    ...[...ranks].filter((rank) => rank > 0).map((rank): WeightPlan => ({ ...one, rank }))
  ])
}
