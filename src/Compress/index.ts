/** Plans and recipes, and the pipeline that fits, distils, evaluates and saves. */
export type { Calibration } from "./Calibration.ts"
export { type Allocation, type Choice, parseBudget, planWithin } from "./budget/Budget.ts"
export { type Candidate, lowRankCandidates } from "./budget/Candidates.ts"
export { kroneckerSizes, sumSizes } from "./budget/Formats.ts"
export { meanDivergence } from "./budget/Divergence.ts"
export { mixedPlan } from "./budget/MixedPlan.ts"
export type { BudgetOptions, PlanningEvent } from "./budget/PlanForBudget.ts"
export { type BudgetPlan, rehearsedPlan, type RehearsedPlanOptions } from "./budget/RehearsedPlan.ts"
export { type Survey, surveyOf } from "./budget/Survey.ts"
export { kroneckerCandidates, type TriedSums } from "./budget/Trials.ts"
export { codecs } from "./Codecs.ts"
export {
  type Comparison,
  type ComparisonEvent,
  type ComparisonOptions,
  type RowName
} from "./Comparison.ts"
export { Compress } from "./Compress.ts"
export { planCounts, type PlanCounts } from "./Counts.ts"
export { Curve, CurvePoint } from "./Curve.ts"
export { JournalError } from "./Errors.ts"
export { Row } from "./Journal.ts"
export { inFreeOrder } from "./FreeOrders.ts"
export * as Plan from "./Plan.ts"
export { PlanError } from "./Plan.ts"
export { type ModelSize, tq81 } from "./Recipe.ts"
export { licenseOf, modelCard } from "./report/ModelCard.ts"
export { recordRun, type RecordRunOptions } from "./report/RecordRun.ts"
export { compressionReport } from "./report/Report.ts"
export { RunRecord } from "./report/RunRecord.ts"
export { WeightFacts, weightFacts } from "./report/WeightFacts.ts"
export { type FitOptions, type Fitted, relativeError } from "./Replace.ts"
export type { DistillationSettings, StageEvent, StagesFailure, StagesOptions } from "./Stages.ts"
