import { Effect } from "effect"
import { run } from "../Iteration/index.ts"
import type { Key } from "../Random/index.ts"
import { Backend } from "../Tensor/index.ts"
import { type Arrangement, inOrder, type Permute } from "./Arrangement.ts"
import type { KroneckerShape } from "./Contraction.ts"
import { candidateIn, initSearch, type SearchState, searchStep, settlingSwaps } from "./PermutationSearch.ts"
import { searchProblem } from "./SearchProblem.ts"

export interface ArrangementOptions {
  readonly permute: Permute
  /** Exchanges that annealing may propose; undefined: until more change little. */
  readonly swaps: number | undefined
  readonly key: Key
}

/** The arrangement that the permutation search settles on; it yields between its steps, so that an interruption takes effect. */
export const searchArrangement = Effect.fn("Kronecker.search")(function* (
  w: Float32Array | Float64Array,
  shape: KroneckerShape,
  { permute, swaps, key }: ArrangementOptions
): Effect.fn.Return<Arrangement, never, Backend> {
  const { factorizations } = yield* Backend
  const { problem, arrangementOfW } = searchProblem(w, shape, permute, factorizations)
  const options = { permute, swaps: swaps ?? settlingSwaps(problem.shape, permute), key }
  const state = yield* run({
    init: Effect.sync(() => initSearch(problem, options)),
    step: (before: SearchState) => Effect.sync(() => searchStep(problem, options, before)),
    isDone: ({ stage }) => stage === "settled"
  })
  return inOrder(arrangementOfW(candidateIn(state).arrangement), shape)
})
