import { key } from "../../../src/Random/index.ts"
import {
  absorb,
  initSearch,
  type Mode,
  propose,
  type SearchProblem,
  type SearchState
} from "../../../src/TetraOpt/index.ts"

export const modes = (count: number, levels: number, isOrdered = false): ReadonlyArray<Mode> =>
  Array.from({ length: count }, () => ({ levels, isOrdered }))

export const problem = (
  modes: ReadonlyArray<Mode>,
  evaluations: number,
  seed = 1,
  rest: Partial<SearchProblem> = {}
): SearchProblem => ({ modes, evaluations, key: key(seed), ...rest })

/** A search to its end, and all rows that it asked for, in order. */
export const search = (
  problem: SearchProblem,
  f: (row: Float64Array) => number,
  state: SearchState = initSearch(problem)
) => {
  const d = problem.modes.length
  const asked: Array<Float64Array> = []
  for (;;) {
    const { rows, count } = propose(state, problem)
    if (count === 0) return { state, asked, best: state.best }
    const batch = Array.from({ length: count }, (_, i) => rows.slice(i * d, (i + 1) * d))
    asked.push(...batch)
    absorb(
      state,
      problem,
      batch.map((row) => f(row))
    )
  }
}

export const sum = (row: ArrayLike<number>, term: (x: number, k: number) => number): number =>
  Array.from(row, term).reduce((a, b) => a + b, 0)
