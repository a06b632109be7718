/** Black-box optimisation by tensor trains: search spaces, samplers, studies, and the minimisation of cheap functions. */
export type { Dimension } from "./Dimension.ts"
export * as Parameter from "./Parameter.ts"
export { SpaceError } from "./Errors.ts"
export {
  type Configuration,
  type ConfigurationOf,
  type Constraint,
  rowKey,
  type SearchRows,
  Space
} from "./Space.ts"
export type { History, Observation, Proposer, Sampler, SamplerProblem } from "./samplers/Sampler.ts"
export { random } from "./samplers/Random.ts"
export { sobol } from "./samplers/Sobol.ts"
export { tetra } from "./samplers/Tetra.ts"
export { tpe } from "./samplers/Tpe.ts"
export { type Importance, importance } from "./samplers/Importance.ts"
