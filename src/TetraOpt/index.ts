/** Black-box optimisation by tensor trains: search spaces, samplers, studies, and the minimisation of cheap functions. */
export type { Dimension } from "./Dimension.ts"
export * as Parameter from "./Parameter.ts"
export { BatchFunctionError, NoResultError, SpaceError, TetraOptOptionError } from "./Errors.ts"
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
export type { Mode, Rows } from "./sweeps/Mode.ts"
export {
  absorb,
  type BestPoint,
  eliteOf,
  initSearch,
  propose,
  type SearchProblem,
  type SearchState
} from "./sweeps/Search.ts"
