/** Certificates of how far a policy is from optimal. */
export { acting, type ActingPolicy, actingAtRandom, linearActing, networkActing } from "./ActingPolicy.ts"
export {
  actorCritic,
  type ActorCriticInfo,
  actorCriticPolicyOf,
  type ActorCriticState
} from "./ActorCritic.ts"
export type { ActorCriticOptions } from "./ActorCriticOptions.ts"
export type { Certificate, CertifyOptions } from "./Certificate.ts"
export {
  type Design,
  type Guarantee,
  nearestDesign,
  type NearestOptions,
  tableDesign,
  uniformPoints
} from "./Design.ts"
export { type Batch, type Noise, type Sampler, sampler } from "./Draws.ts"
export * as Environments from "./environments/index.ts"
export { MdpError, PolicyError, SimulatorError, UvipOptionError, WorkerThreadError } from "./Errors.ts"
export type { Estimator } from "./Estimator.ts"
export {
  type EpisodeInfo,
  gymnasium,
  type GymnasiumEnvironment,
  type GymnasiumStep,
  type InitialState,
  startAnywhere,
  startAt
} from "./Gymnasium.ts"
export { improvementOver } from "./Improvement.ts"
export { type Envelopes, envelopes, type LipschitzData } from "./Lipschitz.ts"
export type { LinearPolicy } from "./LinearPolicy.ts"
export {
  type LinearSearchInfo,
  type LinearSearchOptions,
  type LinearSearchState,
  linearPolicyOf,
  linearSearch
} from "./LinearSearch.ts"
export { Mdp, type MdpDescription, type Outcome, reachable, valueBounds } from "./Mdp.ts"
export { fileOfMdp, MdpFile, mdpOfFile, parseMdpFile } from "./MdpFile.ts"
export { simulatorOf } from "./ModelSimulator.ts"
export { moduleSimulator } from "./ModuleSimulator.ts"
export type { Network } from "./Network.ts"
export type { NetworkPolicy } from "./NetworkPolicy.ts"
export { actionValues, Policy, type TabularPolicy } from "./Policy.ts"
export { actingOfFile, parsePolicyFile, PolicyFile } from "./PolicyFile.ts"
export {
  optimalPolicy,
  policyIteration,
  type PolicyIterationInfo,
  type PolicyIterationState
} from "./PolicyIteration.ts"
export { policyValue } from "./PolicyValue.ts"
export {
  reinforce,
  type ReinforceInfo,
  type ReinforceOptions,
  type ReinforceState
} from "./Reinforce.ts"
export {
  initReplication,
  type ReplicationInfo,
  type ReplicationProblem,
  type ReplicationState,
  stepReplication
} from "./Replication.ts"
export { type RolloutOptions, rollouts, type RolloutValues } from "./Rollouts.ts"
export {
  type Method,
  planFor,
  type SampledInfo,
  sampledIteration,
  type SampledOptions,
  type SampledState,
  type SamplingPlan,
  type UpperLimit
} from "./SampledUpper.ts"
export {
  simulator,
  type Simulator,
  type SimulatorDescription,
  type Step,
  type Transitions
} from "./Simulator.ts"
export { type Coupling, type UpperProblem, upperProblem, upperSweep } from "./UpperOperator.ts"
export { upperIteration, type UpperOptions, upperStart, upperStep } from "./UpperValue.ts"
export { Uvip } from "./Uvip.ts"
export {
  bellmanSweep,
  exactValue,
  type ExactValue,
  type SweepInfo,
  type SweepOptions,
  type SweepState,
  valueIteration
} from "./ValueIteration.ts"
export { visitedPoints, type VisitedPointsOptions } from "./VisitedPoints.ts"
export { type Crew, type CrewError, ownThread } from "./workers/Crew.ts"
export { crewOf } from "./workers/Threads.ts"
export { backendCrew, sampledOnBackend } from "./tensor/BackendCrew.ts"
export { tensorCartPole } from "./tensor/TensorCartPole.ts"
export {
  type Tables,
  type TensorSimulator,
  tensorSimulatorOf,
  type TensorTransitions
} from "./tensor/TensorSimulator.ts"
