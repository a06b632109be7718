export {
  decodeDescription,
  type IndexLayout,
  permutationProblem,
  type WeightCodec,
  type WeightCodecs,
  type WeightDescription,
  type WeightLayout
} from "./Codec.ts"
export { dense, denseCodec } from "./Dense.ts"
export { lowRank, lowRankCodec } from "./LowRank.ts"
export { sumCodec, type SumWeight, sumWeight } from "./SumWeight.ts"
export { truncatedSvd } from "./TruncatedSvd.ts"
export { matrixShape, overRows } from "./Rows.ts"
export { checkWeighting, type Weighting } from "./Weighting.ts"
export { bytesPerNumber, countNumbers, type FloatStorage, storedBytes, type Weight } from "./Weight.ts"
export {
  type LowRank,
  lowRankBetween,
  type LowRankFactors,
  metricTimes,
  squaredErrorIn,
  unwhiten,
  whiten
} from "./WeightedLowRank.ts"
export { whitenedSvd } from "./WhitenedSvd.ts"
