/** Plans and recipes, and the pipeline that fits, distils, evaluates and saves. */
export { codecs } from "./Codecs.ts"
export {
  type Comparison,
  type ComparisonEvent,
  type ComparisonOptions,
  compare,
  forget,
  measure,
  type RowName,
  rowNames
} from "./Comparison.ts"
export { JournalError } from "./Errors.ts"
export { Row } from "./Journal.ts"
export * as Plan from "./Plan.ts"
export { PlanError } from "./Plan.ts"
export { type ModelSize, tq81 } from "./Recipe.ts"
export { type FitOptions, type Fitted, fitWeight, relativeError, replaceWeights } from "./Replace.ts"
export {
  compressInStages,
  type DistillationSettings,
  type StageEvent,
  type StagesFailure,
  type StagesOptions
} from "./Stages.ts"
