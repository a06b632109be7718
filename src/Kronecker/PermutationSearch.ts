import { fold, type Key } from "../Random/index.ts"
import { type AssignmentState, assignmentStep, initAssignment } from "./AlternatingAssignment.ts"
import {
  type Arrangement,
  freeSides,
  identityArrangement,
  type Permute,
  type Side,
  sideLayout
} from "./Arrangement.ts"
import { blockGram, type KroneckerProblem, principalSpace, relativeErrorOf } from "./BlockGram.ts"
import type { KroneckerShape } from "./Contraction.ts"
import { type Likeness, startArrangement } from "./Start.ts"
import { type AnnealingState, annealingPhases, annealingStep, initAnnealing } from "./SwapAnnealing.ts"

export interface SearchOptions {
  readonly permute: Permute
  /** Exchanges that annealing may propose in all; 0 leaves the search to assignment. */
  readonly swaps: number
  readonly key: Key
}

/** An arrangement and its f, in the units of the problem. */
interface Candidate {
  readonly arrangement: Arrangement
  readonly objective: number
}

/** Serialisable; with the problem and the options it determines all that follows. */
export type SearchState =
  | { readonly stage: "start"; readonly trial: number; readonly best: Candidate | undefined }
  | {
      readonly stage: "trial"
      readonly trial: number
      readonly best: Candidate | undefined
      readonly annealing: AnnealingState
    }
  | { readonly stage: "annealing"; readonly annealing: AnnealingState }
  | { readonly stage: "assignment"; readonly assignment: AssignmentState }
  | { readonly stage: "settled"; readonly best: Candidate }

export interface SearchInfo {
  readonly stage: SearchState["stage"]
  /** Of the arrangement that the step arrived at; while starts are tried, that is not the best so far. */
  readonly relativeError: number
}

const likenesses: ReadonlyArray<Likeness> = ["inner-product", "squared-cosine", "given"]
/** Small problems, where a trial is cheap and a planted sum is easily missed, try every start at several temperatures. */
const repeatItems = 1000
const mostRepeats = 10
const trialTemperatures = [0.1, 1, 3]
const trialSwapsPerItem = 8000
const finalSwapsPerItem = 20_000
const finalTemperature = 0.2
const coldest = 0.01
/** A squared error of less than this part of ||W||² is rounding: the sum is exact. */
const exact = 1e-13

const freeItems = (shape: KroneckerShape, permute: Permute): number =>
  freeSides(shape, permute).reduce((sum, side) => sum + sideLayout(shape, side).items, 0)

const repeatsFor = (items: number): number =>
  Math.max(1, Math.min(mostRepeats, Math.floor(repeatItems / items)))

/** So many swaps that more would change little. */
export const settlingSwaps = (shape: KroneckerShape, permute: Permute): number => {
  const items = freeItems(shape, permute)
  return (likenesses.length * repeatsFor(items) * trialSwapsPerItem + finalSwapsPerItem) * items
}

export const initSearch = (problem: KroneckerProblem, { permute }: SearchOptions): SearchState => {
  if (freeSides(problem.shape, permute).length > 0) return { stage: "start", trial: 0, best: undefined }
  const arrangement = identityArrangement(problem.shape)
  const { objective } = principalSpace(problem, blockGram(problem, arrangement))
  return { stage: "settled", best: { arrangement, objective } }
}

/**
 * One step of the search for the arrangement whose best Kronecker sum is nearest: a short annealing from each of several starts,
 * a long one from where the best of them arrived, and assignment until that settles. Few swaps leave the trials out and take the
 * start that is best as it stands. Pure given the state, until its stage is "settled".
 */
export const searchStep = (
  problem: KroneckerProblem,
  options: SearchOptions,
  state: SearchState
): readonly [SearchState, SearchInfo] => {
  const next = advance(problem, options, state)
  return [next, { stage: state.stage, relativeError: relativeErrorOf(problem, objectiveOf(next)) }]
}

const objectiveOf = (state: SearchState): number => {
  switch (state.stage) {
    case "start":
      return state.best?.objective ?? 0
    case "trial":
    case "annealing":
      return state.annealing.space.objective
    case "assignment":
      return state.assignment.space.objective
    case "settled":
      return state.best.objective
  }
}

const advance = (problem: KroneckerProblem, options: SearchOptions, state: SearchState): SearchState => {
  const { permute, swaps, key } = options
  const items = freeItems(problem.shape, permute)
  const round = likenesses.length * trialSwapsPerItem * items
  const affordable = Math.min(repeatsFor(items), Math.floor((swaps - finalSwapsPerItem * items) / round))
  const isTried = affordable >= 1
  const trials = likenesses.length * Math.max(1, affordable)
  const annealed = (arrangement: Arrangement, count: number, hottest: number, name: string | number) =>
    initAnnealing(
      problem,
      arrangement,
      { permute, swaps: count, hottest, coldest, first: firstSide(name) },
      fold(fold(key, "annealing"), name)
    )
  const isExact = (objective: number) => problem.squaredNorm - objective <= exact * problem.squaredNorm
  const settle = (arrangement: Arrangement, objective: number): SearchState =>
    isExact(objective)
      ? { stage: "settled", best: { arrangement, objective } }
      : {
          stage: "assignment",
          assignment: initAssignment(problem, arrangement, permute, fold(key, "assignment"))
        }

  switch (state.stage) {
    case "start": {
      const { trial, best } = state
      if (best !== undefined && (trial === trials || isExact(best.objective))) {
        if (isExact(best.objective)) return { stage: "settled", best }
        const left = isTried ? swaps - affordable * round : swaps
        if (left <= 0) return settle(best.arrangement, best.objective)
        return { stage: "annealing", annealing: annealed(best.arrangement, left, finalTemperature, "final") }
      }
      const likeness = likenesses[trial % likenesses.length]
      const arrangement = startArrangement(problem, permute, likeness, fold(fold(key, "start"), trial))
      const hottest = trialTemperatures[Math.floor(trial / likenesses.length) % trialTemperatures.length]
      const annealing = annealed(arrangement, isTried ? trialSwapsPerItem * items : 0, hottest, trial)
      return { stage: "trial", trial, best, annealing }
    }
    case "trial": {
      const { trial, best, annealing } = state
      if (annealing.phase < annealingPhases(problem, annealing))
        return { ...state, annealing: annealingStep(problem, annealing)[0] }
      const { arrangement, space } = annealing
      const isBetter = best === undefined || space.objective > best.objective
      return {
        stage: "start",
        trial: trial + 1,
        best: isBetter ? { arrangement, objective: space.objective } : best
      }
    }
    case "annealing": {
      const { annealing } = state
      if (annealing.phase < annealingPhases(problem, annealing))
        return { stage: "annealing", annealing: annealingStep(problem, annealing)[0] }
      return settle(annealing.arrangement, annealing.space.objective)
    }
    case "assignment": {
      const [assignment] = assignmentStep(problem, state.assignment)
      const { arrangement, space } = assignment
      return assignment.stage === "settled"
        ? { stage: "settled", best: { arrangement, objective: space.objective } }
        : { stage: "assignment", assignment }
    }
    case "settled":
      return state
  }
}

const firstSide = (name: string | number): Side => (name === "final" ? "rows" : "columns")
