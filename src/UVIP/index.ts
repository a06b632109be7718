/** Certificates of how far a policy is from optimal. */
export {
  acting,
  type ActingPolicy,
  actingAtRandom,
  linearActing,
  networkActing
} from "./policies/ActingPolicy.ts"
export {
  actorCritic,
  type ActorCriticInfo,
  actorCriticPolicyOf,
  type ActorCriticState
} from "./training/ActorCritic.ts"
export type { ActorCriticOptions } from "./training/ActorCriticOptions.ts"
export type { Certificate, CertifyOptions } from "./Certificate.ts"
export {
  type Design,
  type Guarantee,
  nearestDesign,
  type NearestOptions,
  tableDesign,
  uniformPoints
} from "./sampled/Design.ts"
export { type Batch, type Noise, type Sampler, sampler } from "./sampled/Draws.ts"
export * as Environments from "./environments/index.ts"
export { MdpError, PolicyError, SimulatorError, UvipOptionError, WorkerThreadError } from "./Errors.ts"
export type { Estimator } from "./sampled/Estimator.ts"
export {
  type EpisodeInfo,
  gymnasium,
  type GymnasiumEnvironment,
  type GymnasiumStep,
  type InitialState,
  startAnywhere,
  startAt
} from "./simulation/Gymnasium.ts"
export { improvementOver } from "./sampled/Improvement.ts"
export { type Envelopes, envelopes, type LipschitzData } from "./sampled/Lipschitz.ts"
export type { LinearPolicy } from "./policies/LinearPolicy.ts"
export {
  type LinearSearchInfo,
  type LinearSearchOptions,
  type LinearSearchState,
  linearPolicyOf,
  linearSearch
} from "./training/LinearSearch.ts"
export { Mdp, type MdpDescription, type Outcome, reachable, valueBounds } from "./mdp/Mdp.ts"
export { fileOfMdp, MdpFile, mdpOfFile, parseMdpFile } from "./mdp/MdpFile.ts"
export { simulatorOf } from "./simulation/ModelSimulator.ts"
export { moduleSimulator } from "./simulation/ModuleSimulator.ts"
export type { Network } from "./policies/Network.ts"
export type { NetworkPolicy } from "./policies/NetworkPolicy.ts"
export { actionValues, Policy, type TabularPolicy } from "./mdp/Policy.ts"
export { actingOfFile, parsePolicyFile, PolicyFile } from "./policies/PolicyFile.ts"
export {
  optimalPolicy,
  policyIteration,
  type PolicyIterationInfo,
  type PolicyIterationState
} from "./mdp/PolicyIteration.ts"
export { policyValue } from "./mdp/PolicyValue.ts"
export {
  reinforce,
  type ReinforceInfo,
  type ReinforceOptions,
  type ReinforceState
} from "./training/Reinforce.ts"
export {
  initReplication,
  type ReplicationInfo,
  type ReplicationProblem,
  type ReplicationState,
  stepReplication
} from "./sampled/Replication.ts"
export { type RolloutOptions, rollouts, type RolloutValues } from "./simulation/Rollouts.ts"
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
} from "./simulation/Simulator.ts"
export { type Coupling, type UpperProblem, upperProblem, upperSweep } from "./mdp/UpperOperator.ts"
export { upperIteration, type UpperOptions, upperStart, upperStep } from "./mdp/UpperValue.ts"
export { Uvip } from "./Uvip.ts"
export {
  bellmanSweep,
  exactValue,
  type ExactValue,
  type SweepInfo,
  type SweepOptions,
  type SweepState,
  valueIteration
} from "./mdp/ValueIteration.ts"
export { visitedPoints, type VisitedPointsOptions } from "./simulation/VisitedPoints.ts"
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
