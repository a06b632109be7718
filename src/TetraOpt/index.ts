/** Black-box optimisation by tensor trains: search spaces, samplers, studies, and the minimisation of cheap functions. */
export type { Dimension } from "./Dimension.ts"
export * as Parameter from "./Parameter.ts"
export {
  BatchFunctionError,
  NoResultError,
  SpaceError,
  SpaceExhaustedError,
  StudyFileError,
  StudyMismatchError,
  TetraOptOptionError,
  TrialError,
  TrialFailed,
  TrialPruned
} from "./Errors.ts"
export {
  type Candidate,
  type Ended,
  minimize,
  type MinimizeInfo,
  type MinimizeOptions,
  minimizeStream,
  type Minimum
} from "./Minimize.ts"
export { type BatchObjective, type Points, pointwise } from "./Points.ts"
export {
  type Configuration,
  type ConfigurationOf,
  type Constraint,
  rowKey,
  type SearchRows,
  Space
} from "./Space.ts"
export type { History, Observation, Proposer, Sampler, SamplerProblem } from "./samplers/Sampler.ts"
export { importance, type Importance } from "./samplers/Importance.ts"
export { random } from "./samplers/Random.ts"
export { sobol } from "./samplers/Sobol.ts"
export { tetra } from "./samplers/Tetra.ts"
export { tpe } from "./samplers/Tpe.ts"
export type { HalvingOptions } from "./study/Halving.ts"
export type { DamagedLine } from "./study/Journal.ts"
export {
  type ObjectiveWorkers,
  onWorkers,
  type RemoteTrial,
  type WorkerTask,
  workerTask
} from "./study/RemoteTrial.ts"
export type { Ending, Objective, RunOptions, StudyInfo, StudyResult, TrialContext } from "./study/Run.ts"
export type { AskOptions, Study, StudyOptions } from "./study/Study.ts"
export type { Goal, Outcome, Report, Trial } from "./study/Trial.ts"
export type { Mode, Rows } from "./sweeps/Mode.ts"
export { absorb, eliteOf, initSearch, propose } from "./sweeps/Search.ts"
export type { BestPoint, SearchProblem, SearchState } from "./sweeps/SearchState.ts"
export { TetraOpt } from "./TetraOpt.ts"
