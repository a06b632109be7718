/** Plans and recipes, and the pipeline that fits, distils, evaluates and saves. */
export type { Calibration } from "./Calibration.ts"
export { codecs } from "./Codecs.ts"
export {
  type Comparison,
  type ComparisonEvent,
  type ComparisonOptions,
  type RowName,
  rowNames
} from "./Comparison.ts"
export { Compress } from "./Compress.ts"
export { JournalError } from "./Errors.ts"
export { Row } from "./Journal.ts"
export * as Plan from "./Plan.ts"
export { PlanError } from "./Plan.ts"
export { type ModelSize, tq81 } from "./Recipe.ts"
export { type FitOptions, type Fitted, relativeError } from "./Replace.ts"
export type { DistillationSettings, StageEvent, StagesFailure, StagesOptions } from "./Stages.ts"
