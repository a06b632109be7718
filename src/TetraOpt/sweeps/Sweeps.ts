import { fold, type Key, stream } from "../../Random/index.ts"
import {
  absorbLines,
  type Batch,
  type Chains,
  chainsAt,
  isSettled,
  proposeLines,
  randomRows
} from "./Chains.ts"
import { admit, type ElitePool, elitePool, gridOf } from "./ElitePool.ts"
import type { Mode } from "./Grid.ts"
import {
  absorbCore,
  type GridBatch,
  isFinished,
  proposeCore,
  type TensorSweep,
  tensorSweep
} from "./TensorSweep.ts"

export interface SweepProblem {
  readonly modes: ReadonlyArray<Mode>
  /** Evaluations that there will be, from which the length of lines follows. */
  readonly evaluations: number
  readonly key: Key
}

type Stage =
  | { readonly kind: "start"; readonly rows: Float64Array }
  | { readonly kind: "global" | "local"; readonly chains: Chains }
  | { readonly kind: "tensor"; readonly sweep: TensorSweep; readonly batch: GridBatch }

/**
 * Where a search by sweeps is. It goes in cycles: rank-1 sweeps over whole modes from several starts; a tensor-train sweep of
 * higher rank over the grid that the best points span; sweeps around the best of these with ever smaller steps; the tensor sweep again with
 * what these found; and new starts. `absorb` changes it in place.
 */
export interface SweepState {
  readonly problem: SweepProblem
  round: number
  cycle: number
  rank: number
  stage: Stage
  /** What `propose` gave last. */
  batch: Batch
  readonly pool: ElitePool
  /** The best points of this cycle. */
  cyclePool: ElitePool
  tensorSweeps: number
}

const starts = 4
const globalSweeps = 3
const localSweeps = 40
const poolSize = 10
/** Share of the coordinates that a start near the best point draws anew. */
const keptAway = 0.3
const firstRank = 2
const highestRank = 6

/** Points of a line over a whole mode: a cycle's share of the evaluations, but at least 8 and at most 128. */
const globalPoints = ({ modes, evaluations }: SweepProblem): number =>
  Math.max(8, Math.min(128, Math.floor(evaluations / (6 * starts * modes.length))))

const randomOf = (state: SweepState) => stream(fold(state.problem.key, state.round))

const startBatch = (rows: Float64Array, d: number): Batch => ({
  rows,
  count: rows.length / d,
  owners: Int32Array.from({ length: rows.length / d }, (_, i) => i)
})

export const initSweeps = (problem: SweepProblem): SweepState => {
  const rows = randomRows(problem.modes, starts, stream(fold(problem.key, "starts")))
  return {
    problem,
    round: 0,
    cycle: 0,
    rank: firstRank,
    stage: { kind: "start", rows },
    batch: startBatch(rows, problem.modes.length),
    pool: elitePool(poolSize),
    cyclePool: elitePool(poolSize),
    tensorSweeps: 0
  }
}

/** The rows [count, d] to evaluate next; never empty. */
export const propose = (state: SweepState): Batch => state.batch

/** Takes the losses of the rows that `propose` gave; failed points are Infinity. */
export const absorb = (state: SweepState, losses: Float64Array): void => {
  const { problem, stage, batch } = state
  const { modes } = problem
  const random = randomOf(state)
  switch (stage.kind) {
    case "start":
      state.stage = { kind: "global", chains: chainsAt(modes, stage.rows, losses.slice(), 1, random) }
      break
    case "global":
    case "local":
      absorbLines(stage.chains, modes, batch, losses, random)
      break
    case "tensor":
      keepBest(state, batch, losses)
      absorbCore(stage.sweep, stage.batch, losses)
      break
  }
  advance(state)
  // Where nothing has moved there are no strides to take.
  while (state.batch.count === 0) {
    if (state.stage.kind === "global" || state.stage.kind === "local")
      absorbLines(state.stage.chains, modes, state.batch, new Float64Array(0), random)
    advance(state)
  }
}

const keepBest = (state: SweepState, batch: Batch, losses: Float64Array): void => {
  const d = state.problem.modes.length
  for (let i = 0; i < batch.count; i++) {
    const pool = state.cyclePool
    if (pool.losses.length < pool.capacity || losses[i] < pool.losses[pool.capacity - 1])
      admit(pool, batch.rows.subarray(i * d, (i + 1) * d), losses[i])
  }
}

const admitChains = (state: SweepState, chains: Chains): void => {
  const d = state.problem.modes.length
  for (let chain = 0; chain < chains.count; chain++)
    admit(state.cyclePool, chains.rows.subarray(chain * d, (chain + 1) * d), chains.losses[chain])
}

/** Goes on to the next stage where the present one is over, and makes the next batch. */
const advance = (state: SweepState): void => {
  state.round++
  const { modes } = state.problem
  const { stage } = state
  if (stage.kind === "global" && stage.chains.sweeps >= globalSweeps) {
    admitChains(state, stage.chains)
    beginTensor(state)
  } else if (stage.kind === "local" && isOver(stage.chains, modes)) {
    admitChains(state, stage.chains)
    for (const [i, row] of state.cyclePool.rows.entries()) admit(state.pool, row, state.cyclePool.losses[i])
    if (state.tensorSweeps < 2) beginTensor(state)
    else beginCycle(state)
  } else if (stage.kind === "tensor" && isFinished(stage.sweep)) beginLocal(state)
  state.batch = nextBatch(state)
}

const isOver = (chains: Chains, modes: ReadonlyArray<Mode>): boolean => {
  if (chains.sweeps >= localSweeps) return true
  if (chains.position !== 0) return false
  for (let chain = 0; chain < chains.count; chain++) if (!isSettled(chains, modes, chain)) return false
  return true
}

const beginTensor = (state: SweepState): void => {
  const d = state.problem.modes.length
  // Points of earlier cycles lend their coordinates.
  const together = elitePool(poolSize)
  for (const pool of [state.cyclePool, state.pool])
    pool.rows.forEach((row, i) => {
      admit(together, row, pool.losses[i])
    })
  const { grid, indices } = gridOf(together, d)
  const sweep = tensorSweep(grid, indices, state.rank)
  state.tensorSweeps++
  state.stage = { kind: "tensor", sweep, batch: proposeCore(sweep) }
}

const beginLocal = (state: SweepState): void => {
  const { modes } = state.problem
  const d = modes.length
  const { rows, losses } = state.cyclePool
  const count = Math.min(2, rows.length)
  const chosen = new Float64Array(count * d)
  for (let i = 0; i < count; i++) chosen.set(rows[i], i * d)
  state.stage = {
    kind: "local",
    chains: chainsAt(modes, chosen, Float64Array.from(losses.slice(0, count)), 1 / 16, randomOf(state))
  }
}

const beginCycle = (state: SweepState): void => {
  state.cycle++
  state.tensorSweeps = 0
  state.rank = Math.min(highestRank, state.rank + 1)
  state.cyclePool = elitePool(poolSize)
  const { modes } = state.problem
  const d = modes.length
  const random = randomOf(state)
  const rows = randomRows(modes, starts, random)
  // Every other cycle begins near the best point: with all but some of its coordinates.
  if (state.cycle % 2 === 1)
    for (let chain = 0; chain < starts; chain++) {
      const order = random.permutation(d)
      for (const k of order.subarray(Math.ceil(d * keptAway))) rows[chain * d + k] = state.pool.rows[0][k]
    }
  state.stage = { kind: "start", rows }
}

const nextBatch = (state: SweepState): Batch => {
  const { stage, problem } = state
  const { modes } = problem
  switch (stage.kind) {
    case "start":
      return startBatch(stage.rows, modes.length)
    case "global":
      return proposeLines(stage.chains, modes, globalPoints(problem), randomOf(state))
    case "local":
      return proposeLines(stage.chains, modes, 0, randomOf(state))
    case "tensor": {
      // Cores of which all is known already are gone through at once.
      let batch = proposeCore(stage.sweep)
      while (batch.unknown.length === 0) {
        absorbCore(stage.sweep, batch, new Float64Array(0))
        if (isFinished(stage.sweep)) break
        batch = proposeCore(stage.sweep)
      }
      state.stage = { kind: "tensor", sweep: stage.sweep, batch }
      return {
        rows: batch.rows,
        count: batch.unknown.length,
        owners: new Int32Array(batch.unknown.length)
      }
    }
  }
}
