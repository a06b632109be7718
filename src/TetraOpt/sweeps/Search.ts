import { fold, type Key, stream } from "../../Random/index.ts"
import { type AskedPoints, askedPoints, lookUp } from "./AskedPoints.ts"
import { admit, type ElitePool, elitePool, gridOf } from "./ElitePool.ts"
import {
  absorbOffspring,
  defaultOffspring,
  type EvolutionStrategy,
  evolutionStrategy,
  movingModes,
  proposeOffspring
} from "./EvolutionStrategy.ts"
import { absorbLines, areSettled, type LineSweeps, lineSweeps, proposeLines } from "./LineSweeps.ts"
import { isSmooth, type Mode, randomRows, type Rows } from "./Mode.ts"
import { absorbCore, proposeCore, type TensorSweep, tensorSweep } from "./TensorSweep.ts"

export interface SearchProblem {
  readonly modes: ReadonlyArray<Mode>
  /** Evaluations that there will be, from which the length of lines follows. */
  readonly evaluations: number
  readonly key: Key
}

type Stage =
  | { readonly kind: "start" }
  | { readonly kind: "global" | "polish"; readonly sweeps: LineSweeps }
  | { readonly kind: "tensor"; readonly sweep: TensorSweep }
  | { readonly kind: "evolve"; readonly strategy: EvolutionStrategy }

export interface SearchState {
  readonly problem: SearchProblem
  round: number
  cycle: number
  rank: number
  stage: Stage
  batch: Rows
  entries: Int32Array
  fresh: Int32Array
  readonly asked: AskedPoints
  evaluations: number
  best: { row: Float64Array; loss: number }
  readonly pool: ElitePool
  cyclePool: ElitePool
  tensorSweeps: number
  spent: Record<string, number>
  gains: Array<string>
  restarts: number
}

export const settings = { starts: 4, globalSweeps: 2, minima: 3, rounds: 2, pool: 10, polishSweeps: 40, trace: false }

const globalPoints = ({ modes, evaluations }: SearchProblem): number =>
  Math.max(8, Math.min(96, Math.floor(evaluations / (20 * settings.starts * modes.length))))

const randomOf = (state: SearchState) => stream(fold(state.problem.key, state.round))

export const initSearch = (problem: SearchProblem): SearchState => {
  const state: SearchState = {
    problem,
    round: 0,
    cycle: 0,
    rank: 2,
    stage: { kind: "start" },
    batch: { rows: new Float64Array(0), count: 0 },
    entries: new Int32Array(0),
    fresh: new Int32Array(0),
    asked: askedPoints(),
    evaluations: 0,
    best: { row: new Float64Array(problem.modes.length), loss: Number.POSITIVE_INFINITY },
    pool: elitePool(settings.pool),
    cyclePool: elitePool(settings.pool),
    tensorSweeps: 0,
    spent: {},
    gains: [],
    restarts: 0
  }
  state.batch = { rows: startRows(state), count: settings.starts }
  enter(state)
  return state
}

const startRows = (state: SearchState): Float64Array => {
  const { modes } = state.problem
  const random = randomOf(state)
  const d = modes.length
  const rows = randomRows(modes, settings.starts, random)
  if (state.cycle > 0 && state.cycle % 2 === 1)
    for (let chain = 0; chain < settings.starts; chain++) {
      const order = random.permutation(d)
      for (const k of order.subarray(Math.ceil(d * 0.3))) rows[chain * d + k] = state.pool.rows[0][k]
    }
  return rows
}

const enter = (state: SearchState): void => {
  const found = lookUp(state.asked, state.batch.rows, state.batch.count, state.problem.modes.length)
  state.entries = found.entries
  state.fresh = found.fresh
}

/** The rows [count, d] to evaluate next. */
export const propose = (state: SearchState): Rows => {
  const d = state.problem.modes.length
  const left = state.problem.evaluations - state.evaluations
  const count = Math.min(left, state.fresh.length)
  if (state.fresh.length === state.batch.count) return { rows: state.batch.rows, count }
  const rows = new Float64Array(count * d)
  for (let i = 0; i < count; i++) {
    const from = state.fresh[i] * d
    for (let j = 0; j < d; j++) rows[i * d + j] = state.batch.rows[from + j]
  }
  return { rows, count }
}

export const absorb = (state: SearchState, losses: ArrayLike<number>, count: number): void => {
  const { fresh, batch, entries, asked, stage } = state
  const d = state.problem.modes.length
  for (let i = 0; i < count; i++) {
    const loss = losses[i] === losses[i] ? losses[i] : Number.POSITIVE_INFINITY
    asked.losses[entries[fresh[i]]] = loss
    if (loss < state.best.loss) {
      state.best.loss = loss
      state.best.row.set(batch.rows.subarray(fresh[i] * d, fresh[i] * d + d))
    }
  }
  state.evaluations += count
  state.spent[stage.kind] = (state.spent[stage.kind] ?? 0) + count
  if (state.evaluations >= state.problem.evaluations) return
  digest(state)
  let idle = 0
  while (state.fresh.length === 0 && idle++ < 10000) digest(state)
}

const digest = (state: SearchState): void => {
  const { batch, entries, asked, stage, problem } = state
  const { modes } = problem
  const values = new Float64Array(batch.count)
  for (let i = 0; i < values.length; i++) values[i] = asked.losses[entries[i]]
  const random = randomOf(state)
  switch (stage.kind) {
    case "start":
      state.stage = {
        kind: "global",
        sweeps: lineSweeps(
          modes,
          batch.rows.slice(0, settings.starts * modes.length),
          values,
          { points: globalPoints(problem), rounds: settings.rounds, minima: settings.minima },
          random
        )
      }
      break
    case "global":
    case "polish":
      absorbLines(stage.sweeps, modes, batch, values, random)
      break
    case "tensor":
      keepBest(state, batch, values)
      absorbCore(stage.sweep, values)
      break
    case "evolve":
      absorbOffspring(stage.strategy, values)
      break
  }
  state.round++
  advance(state)
  state.batch = nextBatch(state)
  enter(state)
}

const keepBest = (state: SearchState, batch: Rows, losses: Float64Array): void => {
  const d = state.problem.modes.length
  const pool = state.cyclePool
  for (let i = 0; i < batch.count; i++)
    if (pool.losses.length < pool.capacity || losses[i] < pool.losses[pool.capacity - 1])
      admit(pool, batch.rows.subarray(i * d, (i + 1) * d), losses[i])
}

const admitChains = (state: SearchState, sweeps: LineSweeps): void => {
  const d = state.problem.modes.length
  for (let chain = 0; chain < sweeps.count; chain++)
    admit(state.cyclePool, sweeps.rows.subarray(chain * d, (chain + 1) * d), sweeps.losses[chain])
}

const trace = (state: SearchState, what: string): void => {
  if (settings.trace)
    console.log(`${state.evaluations} cycle ${state.cycle} ${what} cycle-best ${state.cyclePool.losses[0]} best ${state.best.loss}`)
}

const advance = (state: SearchState): void => {
  const { modes } = state.problem
  const { stage } = state
  switch (stage.kind) {
    case "start":
      return
    case "global":
      if (stage.sweeps.sweeps < settings.globalSweeps) return
      admitChains(state, stage.sweeps)
      trace(state, "global")
      beginTensor(state, stage.sweeps)
      return
    case "tensor":
      if (stage.sweep.direction !== "done") return
      trace(state, `tensor ${stage.sweep.grid.map((g) => g.length)}`)
      beginPolish(state)
      return
    case "polish":
      if (stage.sweeps.position !== 0) return
      if (stage.sweeps.sweeps < settings.polishSweeps && !areSettled(stage.sweeps, modes)) return
      admitChains(state, stage.sweeps)
      trace(state, `polish ${stage.sweeps.sweeps}`)
      if (state.tensorSweeps < 2) beginTensor(state, undefined)
      else beginEvolve(state)
      return
    case "evolve":
      if (!stage.strategy.isOver) return
      admitMean(state, stage.strategy)
      trace(state, `evolve ${stage.strategy.generation} ${stage.strategy.best} ${stage.strategy.step}`)
      for (const [i, row] of state.cyclePool.rows.entries()) admit(state.pool, row, state.cyclePool.losses[i])
      if ((state.spent.evolve ?? 0) < state.evaluations / 2) beginEvolve(state)
      else beginCycle(state)
  }
}

const admitMean = (state: SearchState, _: EvolutionStrategy): void => {
  admit(state.cyclePool, state.best.row, state.best.loss)
}

const beginCycle = (state: SearchState): void => {
  state.cycle++
  state.tensorSweeps = 0
  state.rank = Math.min(5, state.rank + 1)
  state.cyclePool = elitePool(settings.pool)
  state.stage = { kind: "start" }
}

const beginTensor = (state: SearchState, sweeps: LineSweeps | undefined): void => {
  const { modes } = state.problem
  const together = elitePool(settings.pool)
  for (const pool of [state.cyclePool, state.pool])
    pool.rows.forEach((row, i) => {
      admit(together, row, pool.losses[i])
    })
  const { grid, indices } = gridOf(together, modes, sweeps?.minima)
  state.tensorSweeps++
  state.stage = { kind: "tensor", sweep: tensorSweep(grid, indices, state.rank) }
}

const beginPolish = (state: SearchState): void => {
  const { modes } = state.problem
  const d = modes.length
  const { rows, losses } = state.cyclePool
  const count = Math.min(2, rows.length)
  const chosen = new Float64Array(count * d)
  for (let i = 0; i < count; i++) chosen.set(rows[i], i * d)
  state.stage = {
    kind: "polish",
    sweeps: lineSweeps(
      modes,
      chosen,
      Float64Array.from(losses.slice(0, count)),
      { points: 0, rounds: 1, minima: 1 },
      randomOf(state),
      1 / 128
    )
  }
}

const beginEvolve = (state: SearchState): void => {
  const { modes } = state.problem
  const n = movingModes(modes).length
  const r = state.restarts++
  const step = [0.02, 0.2, 0.05, 0.3][r % 4]
  const offspring = Math.floor(defaultOffspring(n) * 2 ** Math.min(4, Math.floor(r / 2)))
  const random = randomOf(state)
  const row = r % 2 === 0 ? state.best.row : randomRows(modes, 1, random)
  const loss = r % 2 === 0 ? state.best.loss : Number.POSITIVE_INFINITY
  state.stage = { kind: "evolve", strategy: evolutionStrategy(modes, row, loss, step, offspring) }
}

const nextBatch = (state: SearchState): Rows => {
  const { stage, problem } = state
  const { modes } = problem
  switch (stage.kind) {
    case "start":
      return { rows: startRows(state), count: settings.starts }
    case "global":
    case "polish":
      return proposeLines(stage.sweeps, modes, randomOf(state))
    case "tensor":
      return proposeCore(stage.sweep)
    case "evolve":
      return proposeOffspring(stage.strategy, modes, randomOf(state))
  }
}

export { isSmooth }
