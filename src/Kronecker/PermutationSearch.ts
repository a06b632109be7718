import { fold, type Key } from "../Random/index.ts"
import { type AssignmentState, assignmentStep, initAssignment } from "./AlternatingAssignment.ts"
import { type Arrangement, freeSides, identityArrangement, type Permute, sideLayout } from "./Arrangement.ts"
import { gramOf, type KroneckerProblem, principalSpace, relativeErrorOf } from "./BlockGram.ts"
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
  | { readonly stage: "start"; readonly trial: number; readonly best: Candidate }
  | {
      readonly stage: "trial"
      readonly trial: number
      readonly best: Candidate
      readonly annealing: AnnealingState
    }
  | { readonly stage: "assignment"; readonly cycle: number; readonly assignment: AssignmentState }
  | {
      readonly stage: "annealing"
      readonly cycle: number
      readonly best: Candidate
      readonly annealing: AnnealingState
    }
  | { readonly stage: "settled"; readonly best: Candidate }

export interface SearchInfo {
  readonly stage: SearchState["stage"]
  /** Of the arrangement that the step arrived at; while starts are tried, that is not the best so far. */
  readonly relativeError: number
}

const likenesses: ReadonlyArray<Likeness> = ["inner-product", "squared-cosine", "given"]
/** Small problems, where a trial is cheap and a planted sum is easily missed, try every start at several temperatures. */
const repeatItems = 1000
const mostRepeats = 6
const trialTemperatures = [0.1, 1, 3]
const trialSwaps = { repeated: 8_000, once: 4_000 }
/** Then assignment and annealing take turns: either goes on where the other is stuck. */
const cycleSwapsPerItem = 8000
const cycles = 3
const roundsPerCycle = 24
const cycleTemperature = 0.1
const coldest = 0.01
/** A squared error of less than this part of ||W||² is rounding: the sum is exact. */
const exact = 1e-13

const freeItems = (shape: KroneckerShape, permute: Permute): number =>
  freeSides(shape, permute).reduce((sum, side) => sum + sideLayout(shape, side).items, 0)

const repeatsFor = (items: number): number =>
  Math.max(1, Math.min(mostRepeats, Math.floor(repeatItems / items)))

/** Swaps of one trial, an item. */
const trialSwapsFor = (items: number): number =>
  repeatsFor(items) > 1 ? trialSwaps.repeated : trialSwaps.once

/** So many swaps that more would change little. */
export const settlingSwaps = (shape: KroneckerShape, permute: Permute): number => {
  const items = freeItems(shape, permute)
  return (likenesses.length * repeatsFor(items) * trialSwapsFor(items) + cycles * cycleSwapsPerItem) * items
}

interface Budget {
  readonly trials: number
  readonly trialSwaps: number
  readonly cycles: number
  readonly cycleSwaps: number
}

// Few swaps leave the trials out: then the start that is best as it stands is taken.
const budgetOf = (shape: KroneckerShape, { permute, swaps }: SearchOptions): Budget => {
  const items = freeItems(shape, permute)
  const round = likenesses.length * trialSwapsFor(items) * items
  const spare = swaps - cycles * cycleSwapsPerItem * items
  const repeats = Math.max(0, Math.min(repeatsFor(items), Math.floor(spare / round)))
  const left = swaps - repeats * round
  const turns = Math.min(Math.ceil(left / (cycleSwapsPerItem * items)), Math.floor(left))
  return {
    trials: likenesses.length * Math.max(1, repeats),
    trialSwaps: repeats === 0 ? 0 : trialSwapsFor(items) * items,
    cycles: turns,
    cycleSwaps: turns === 0 ? 0 : left / turns
  }
}

/** The state before the first step: W's own order is the first candidate, so that no other result is worse. */
export const initSearch = (problem: KroneckerProblem, { permute }: SearchOptions): SearchState => {
  const arrangement = identityArrangement(problem.shape)
  const { objective } = principalSpace(problem, gramOf(problem, arrangement))
  const best = { arrangement, objective }
  return freeSides(problem.shape, permute).length === 0
    ? { stage: "settled", best }
    : { stage: "start", trial: 0, best }
}

/**
 * One step of the search for the arrangement whose best Kronecker sum is nearest: a short annealing from each of several starts;
 * from where the best of them arrived, assignment and annealing in turns; at last assignment until it settles. Pure given the
 * state, until its stage is "settled".
 */
export const searchStep = (
  problem: KroneckerProblem,
  options: SearchOptions,
  state: SearchState
): readonly [SearchState, SearchInfo] => {
  const next = advance(problem, options, state)
  return [next, { stage: state.stage, relativeError: relativeErrorOf(problem, candidateIn(next).objective) }]
}

/** Where the search stands: once settled, its result. */
export const candidateIn = (state: SearchState): Candidate => {
  switch (state.stage) {
    case "trial":
    case "annealing":
      return candidateOf(state.annealing)
    case "assignment":
      return candidateOf(state.assignment)
    case "start":
    case "settled":
      return state.best
  }
}

const advance = (problem: KroneckerProblem, options: SearchOptions, state: SearchState): SearchState => {
  const { permute, key } = options
  const budget = budgetOf(problem.shape, options)
  const isExact = ({ objective }: Candidate) => problem.squaredNorm - objective <= exact * problem.squaredNorm
  const assigned = (from: Candidate, cycle: number): SearchState =>
    isExact(from)
      ? { stage: "settled", best: from }
      : {
          stage: "assignment",
          cycle,
          assignment: initAssignment(
            problem,
            from.arrangement,
            permute,
            fold(fold(key, "assignment"), cycle),
            cycle === 0 ? "all-items" : "one-of-each-group"
          )
        }
  switch (state.stage) {
    case "start": {
      const { trial, best } = state
      if (trial === budget.trials || isExact(best)) return assigned(best, 0)
      const annealing = initAnnealing(
        problem,
        startArrangement(
          problem,
          permute,
          likenesses[trial % likenesses.length],
          fold(fold(key, "start"), trial)
        ),
        {
          permute,
          swaps: budget.trialSwaps,
          hottest: trialTemperatures[Math.floor(trial / likenesses.length) % trialTemperatures.length],
          coldest,
          first: "columns"
        },
        fold(fold(key, "trial"), trial)
      )
      return { stage: "trial", trial, best, annealing }
    }
    case "trial": {
      const { trial, best, annealing } = state
      if (annealing.phase < annealingPhases(problem, annealing))
        return { ...state, annealing: annealingStep(problem, annealing)[0] }
      return { stage: "start", trial: trial + 1, best: better(best, candidateOf(annealing)) }
    }
    case "assignment": {
      const { cycle, assignment } = state
      const isLast = cycle === budget.cycles
      if (assignment.stage !== "settled" && (isLast || assignment.round < roundsPerCycle))
        return { ...state, assignment: assignmentStep(problem, assignment)[0] }
      if (isLast) return { stage: "settled", best: candidateOf(assignment) }
      const annealing = initAnnealing(
        problem,
        assignment.arrangement,
        { permute, swaps: budget.cycleSwaps, hottest: cycleTemperature, coldest, first: "rows" },
        fold(fold(key, "cycle"), cycle)
      )
      return { stage: "annealing", cycle, best: candidateOf(assignment), annealing }
    }
    case "annealing": {
      const { cycle, best, annealing } = state
      if (annealing.phase < annealingPhases(problem, annealing))
        return { ...state, annealing: annealingStep(problem, annealing)[0] }
      return assigned(better(best, candidateOf(annealing)), cycle + 1)
    }
    case "settled":
      return state
  }
}

const candidateOf = ({ arrangement, space }: AnnealingState | AssignmentState): Candidate => ({
  arrangement,
  objective: space.objective
})

const better = (a: Candidate, b: Candidate): Candidate => (b.objective > a.objective ? b : a)
