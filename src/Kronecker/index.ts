/** Nearest sums of Kronecker products, permutations, and the weight that is one. */
export {
  type AssignmentInfo,
  type AssignmentStage,
  type AssignmentState,
  assignmentStep,
  initAssignment
} from "./AlternatingAssignment.ts"
export { type Arrangement, identityArrangement, type Permute } from "./Arrangement.ts"
export { type Assignment, linearAssignment } from "./Assignment.ts"
export { type KroneckerProblem, kroneckerProblem } from "./BlockGram.ts"
export type { KroneckerShape } from "./Contraction.ts"
export { Kronecker, type KroneckerFit, type KroneckerFitOptions } from "./Kronecker.ts"
export {
  kroneckerCodec,
  type KroneckerParts,
  type KroneckerWeight,
  kroneckerWeight
} from "./KroneckerWeight.ts"
export { type NearestSum, nearestKroneckerSum } from "./NearestKroneckerSum.ts"
export {
  fitShared,
  type SharedFit,
  type SharedFitOptions,
  type SharedFitPart,
  type SharedFitSide
} from "./weighted/SharedFit.ts"
export {
  initSharedSearch,
  type SharedSearchInfo,
  type SharedSearchOptions,
  type SharedSearchState,
  sharedSearchStep
} from "./weighted/SharedSearch.ts"
export { type SharedCandidate, type SharedProblem } from "./weighted/SharedExchanges.ts"
export {
  type ArrangedProblem,
  arranged,
  type WeightedProblem,
  weightedProblem
} from "./weighted/WeightedProblem.ts"
export {
  initWeightedSearch,
  type WeightedSearchInfo,
  type WeightedSearchOptions,
  type WeightedSearchState,
  weightedSearchStep
} from "./weighted/WeightedSearch.ts"
export type { WeightedCandidate } from "./weighted/WeightedCandidate.ts"
export {
  initWeightedSum,
  type WeightedSumInfo,
  type WeightedSumOptions,
  type WeightedSumState,
  weightedSumStep
} from "./weighted/WeightedSum.ts"
export {
  initSearch,
  type SearchInfo,
  type SearchOptions,
  type SearchState,
  searchStep,
  settlingSwaps
} from "./PermutationSearch.ts"
export { type Likeness, startArrangement } from "./Start.ts"
export {
  type AnnealingInfo,
  type AnnealingSchedule,
  type AnnealingState,
  annealingPhases,
  annealingStep,
  initAnnealing
} from "./SwapAnnealing.ts"
