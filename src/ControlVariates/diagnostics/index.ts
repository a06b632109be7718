export { ebfmi } from "./Energy.ts"
export {
  effectiveSampleSize,
  essBulk,
  essDeviation,
  essMean,
  essQuantile,
  essTail
} from "./EffectiveSampleSize.ts"
export { mcseDeviation, mcseMean, mcseQuantile } from "./MonteCarloError.ts"
export { rankHistogram } from "./Ranks.ts"
export { rhat } from "./PotentialScaleReduction.ts"
export { summarise, type Summary } from "./Summary.ts"
