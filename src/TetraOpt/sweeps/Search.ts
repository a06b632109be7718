import { fold, type Key, type Stream, stream } from "../../Random/index.ts"
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
import { type Mode, randomNear, randomRows, type Rows } from "./Mode.ts"
import { absorbCore, proposeCore, type TensorSweep, tensorSweep } from "./TensorSweep.ts"

export interface SearchProblem {
  readonly modes: ReadonlyArray<Mode>
  /** Evaluations that there will be, from which the length of lines follows. */
  readonly evaluations: number
  readonly key: Key
}

type Stage =
  | { readonly kind: "start" }
  | { readonly kind: "lines" | "polish" | "finish"; readonly sweeps: LineSweeps }
  | { readonly kind: "tensor"; readonly sweep: TensorSweep }
  | { readonly kind: "evolve"; readonly strategy: EvolutionStrategy }

/** An episode: whole box from random starts, or the neighbourhood of the best point. */
interface Episode {
  readonly kind: "global" | "near" | "evolve"
  readonly window: Int32Array
  readonly radius: number
  readonly chains: number
  readonly before: number
  readonly began: number
}

export interface SearchState {
  readonly problem: SearchProblem
  round: number
  stage: Stage
  episode: Episode
  episodes: number
  batch: Rows
  entries: Int32Array
  fresh: Int32Array
  readonly asked: AskedPoints
  evaluations: number
  best: { row: Float64Array; loss: number }
  /** best points of all episodes, and of this one */
  readonly pool: ElitePool
  found: ElitePool
  spent: Record<string, number>
  won: Record<string, number>
  restarts: number
  gained: Record<string, number>
}

export const settings = { starts: 4, near: 3, globalSweeps: 2, minima: 3, rounds: 2, pool: 10, polishSweeps: 40, trace: false, nearPoints: 32, nearSweeps: 2, nearRounds: 2, nearMinima: 3, shareLow: 0.25, shareMid: 0.5, widths: 4, radii: 4, rank: 3, globalEvery: 40, nearRank: 3 }
if (process.env.SET) Object.assign(settings, JSON.parse(process.env.SET))

const globalPoints = ({ modes, evaluations }: SearchProblem): number =>
  Math.max(8, Math.min(96, Math.floor(evaluations / (20 * settings.starts * modes.length))))

const randomOf = (state: SearchState) => stream(fold(state.problem.key, state.round))

const allModes = (d: number) => Int32Array.from({ length: d }, (_, k) => k)

export const initSearch = (problem: SearchProblem): SearchState => {
  const d = problem.modes.length
  const state: SearchState = {
    problem,
    round: 0,
    stage: { kind: "start" },
    episode: { kind: "global", window: allModes(d), radius: 1, chains: settings.starts, before: Infinity, began: 0 },
    episodes: 0,
    batch: { rows: new Float64Array(0), count: 0 },
    entries: new Int32Array(0),
    fresh: new Int32Array(0),
    asked: askedPoints(),
    evaluations: 0,
    best: { row: new Float64Array(d), loss: Number.POSITIVE_INFINITY },
    pool: elitePool(settings.pool),
    found: elitePool(settings.pool),
    spent: {},
    won: {},
    restarts: 0,
    gained: {near: -1, evolve: -1e9}
  }
  state.batch = startBatch(state)
  enter(state)
  return state
}

const startBatch = (state: SearchState): Rows => {
  const { modes } = state.problem
  const { kind, window, radius, chains } = state.episode
  const random = randomOf(state)
  const d = modes.length
  if (kind === "global") return { rows: randomRows(modes, chains, random), count: chains }
  const rows = new Float64Array(chains * d)
  for (let chain = 0; chain < chains; chain++) {
    rows.set(state.best.row, chain * d)
    // The first chain begins at the best point itself.
    if (chain > 0)
      for (const k of window) rows[chain * d + k] = randomNear(modes[k], state.best.row[k], radius, random)
  }
  return { rows, count: chains }
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
  const name = state.episode.kind + " " + stage.kind
  state.spent[name] = (state.spent[name] ?? 0) + count
  if (state.evaluations >= state.problem.evaluations) return
  digest(state)
  let idle = 0
  while (state.fresh.length === 0 && idle++ < 10000) digest(state)
}

const digest = (state: SearchState): void => {
  const { batch, entries, asked, stage, problem, episode } = state
  const { modes } = problem
  const values = new Float64Array(batch.count)
  for (let i = 0; i < values.length; i++) values[i] = asked.losses[entries[i]]
  const random = randomOf(state)
  switch (stage.kind) {
    case "start":
      state.stage = {
        kind: "lines",
        sweeps: lineSweeps(
          modes,
          batch.rows.slice(0, batch.count * modes.length),
          values,
          {
            window: episode.window,
            radius: episode.radius,
            points: episode.kind === "global" ? globalPoints(problem) : settings.nearPoints,
            rounds: episode.kind === "global" ? settings.rounds : settings.nearRounds,
            minima: episode.kind === "global" ? settings.minima : settings.nearMinima
          },
          random
        )
      }
      break
    case "lines":
    case "polish":
    case "finish":
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
  const pool = state.found
  for (let i = 0; i < batch.count; i++)
    if (pool.losses.length < pool.capacity || losses[i] < pool.losses[pool.capacity - 1])
      admit(pool, batch.rows.subarray(i * d, (i + 1) * d), losses[i])
}

const admitChains = (state: SearchState, sweeps: LineSweeps): void => {
  const d = state.problem.modes.length
  for (let chain = 0; chain < sweeps.count; chain++)
    admit(state.found, sweeps.rows.subarray(chain * d, (chain + 1) * d), sweeps.losses[chain])
}

const trace = (state: SearchState, what: string): void => {
  if (settings.trace)
    console.log(`${state.evaluations} ${state.episode.kind} r ${state.episode.radius} w ${state.episode.window.length} ${what} found ${state.found.losses[0]} best ${state.best.loss}`)
}

const advance = (state: SearchState): void => {
  const { modes } = state.problem
  const { stage, episode } = state
  switch (stage.kind) {
    case "start":
      return
    case "lines":
      if (stage.sweeps.sweeps < (episode.kind === "global" ? settings.globalSweeps : settings.nearSweeps)) return
      admitChains(state, stage.sweeps)
      trace(state, "lines")
      beginTensor(state, stage.sweeps)
      return
    case "tensor":
      if (stage.sweep.direction !== "done") return
      trace(state, `tensor`)
      beginPolish(state, "polish", episode.kind === "global" ? 2 : 1)
      return
    case "polish":
      if (stage.sweeps.position !== 0) return
      if (stage.sweeps.sweeps < 3 && !areSettled(stage.sweeps, modes)) return
      admitChains(state, stage.sweeps)
      trace(state, `polish ${stage.sweeps.sweeps}`)
      if (!(state.found.losses[0] < episode.before)) return nextEpisode(state)
      beginPolish(state, "finish", 1)
      return
    case "finish":
      if (stage.sweeps.position !== 0) return
      if (stage.sweeps.sweeps < settings.polishSweeps && !areSettled(stage.sweeps, modes)) return
      admitChains(state, stage.sweeps)
      trace(state, `finish ${stage.sweeps.sweeps}`)
      return nextEpisode(state)
    case "evolve":
      if (!stage.strategy.isOver) return
      trace(state, `evolve ${stage.strategy.generation} ${stage.strategy.best} ${stage.strategy.step}`)
      admit(state.found, state.best.row, state.best.loss)
      return nextEpisode(state)
  }
}

const nextEpisode = (state: SearchState): void => {
  const { modes } = state.problem
  const d = modes.length
  const random = randomOf(state)
  const { episode } = state
  const gained = episode.before - state.best.loss
  const name = episode.kind + " " + episode.radius + " " + episode.window.length
  state.won[name] = (state.won[name] ?? 0) + (gained > 0 ? 1 : 0)
  for (const [i, row] of state.found.rows.entries()) admit(state.pool, row, state.found.losses[i])
  state.found = elitePool(settings.pool)
  state.episodes++
  const evolved = state.spent["evolve evolve"] ?? 0
  const common = { before: state.best.loss, began: state.evaluations }
  if (gained > 1e-6 * Math.abs(state.best.loss)) state.gained[episode.kind === "evolve" ? "evolve" : "near"] = state.evaluations
  const recent = (kind: string) => state.gained[kind] > state.evaluations - 0.1 * state.problem.evaluations
  const share = recent("near") === recent("evolve") ? settings.shareMid : recent("near") ? settings.shareLow : 0.75
  if (evolved < share * state.evaluations && movingModes(modes).length > 0) {
    state.episode = { kind: "evolve", window: allModes(d), radius: 0, chains: 1, ...common }
    beginEvolve(state)
    return
  }
  state.stage = { kind: "start" }
  if (state.episodes % settings.globalEvery === settings.globalEvery - 1) {
    state.episode = { kind: "global", window: allModes(d), radius: 1, chains: settings.starts, ...common }
    return
  }
  const width = Math.min(d, 2 ** random.integer(settings.widths))
  const radius = 4 ** -random.integer(settings.radii)
  const window =
    random.uniform() < 0.5
      ? Int32Array.from(random.permutation(d).subarray(0, width)).sort()
      : contiguous(random.integer(d - width + 1), width)
  state.episode = { kind: "near", window, radius, chains: settings.near, ...common }
}

const contiguous = (start: number, width: number) => Int32Array.from({ length: width }, (_, k) => start + k)

const beginTensor = (state: SearchState, sweeps: LineSweeps): void => {
  const { modes } = state.problem
  const together = elitePool(settings.pool)
  const pools = state.episode.kind === "global" ? [state.found, state.pool] : [state.found]
  for (const pool of pools)
    pool.rows.forEach((row, i) => {
      admit(together, row, pool.losses[i])
    })
  const { grid, indices } = gridOf(together, modes, sweeps.minima)
  state.stage = { kind: "tensor", sweep: tensorSweep(grid, indices, state.episode.kind === "global" ? settings.rank : settings.nearRank) }
}

const beginPolish = (state: SearchState, kind: "polish" | "finish", most: number): void => {
  const { modes } = state.problem
  const d = modes.length
  const { rows, losses } = state.found
  const count = Math.min(most, rows.length)
  const chosen = new Float64Array(count * d)
  for (let i = 0; i < count; i++) chosen.set(rows[i], i * d)
  state.stage = {
    kind,
    sweeps: lineSweeps(
      modes,
      chosen,
      Float64Array.from(losses.slice(0, count)),
      { window: state.episode.window, radius: 0, points: 0, rounds: 1, minima: 1 },
      randomOf(state),
      kind === "polish" ? 1 / 128 : 1 / 1024
    )
  }
}

const beginEvolve = (state: SearchState): void => {
  const { modes } = state.problem
  const n = movingModes(modes).length
  const r = state.restarts++
  const step = [0.02, 0.2, 0.2][r % 3]
  const offspring = defaultOffspring(n) * [1, 4, 16][r % 3]
  const row = state.best.row
  state.stage = { kind: "evolve", strategy: evolutionStrategy(modes, row, step, offspring) }
}

const nextBatch = (state: SearchState): Rows => {
  const { stage, problem } = state
  const { modes } = problem
  switch (stage.kind) {
    case "start":
      return startBatch(state)
    case "lines":
    case "polish":
    case "finish":
      return proposeLines(stage.sweeps, modes, randomOf(state))
    case "tensor":
      return proposeCore(stage.sweep)
    case "evolve":
      return proposeOffspring(stage.strategy, modes, randomOf(state))
  }
}

export type { Stream }
