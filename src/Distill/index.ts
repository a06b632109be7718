/** Losses, optimisers, schedules, and a trainer that checkpoints and resumes. */
export { type AdamWSettings, adamW } from "./AdamW.ts"
export { Distill, type Distillation, type DistillOptions } from "./Distill.ts"
export { CheckpointError, TrainerSettingsError } from "./Errors.ts"
export {
  crossEntropyLoss,
  distillationLoss,
  divergenceLoss,
  hiddenStateLoss,
  type Loss,
  type LossWeights,
  type Prediction
} from "./Losses.ts"
export { type MuonSettings, muon, orthogonalize } from "./Muon.ts"
export {
  decaysByDefault,
  type Optimizer,
  type ParameterGroup,
  type Tensors,
  type Update
} from "./Optimizer.ts"
export * as Schedule from "./Schedule.ts"
export type { Task } from "./Task.ts"
export * as Trainer from "./Trainer.ts"
export type { TrainerSettings, TrainingInfo, TrainingOutcome } from "./Trainer.ts"
export type { Best, Evaluation, TrainingState } from "./TrainingState.ts"
