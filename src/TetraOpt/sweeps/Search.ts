import { fold, stream } from "../../Random/index.ts"
import { askedPoints, lookUp } from "./AskedPoints.ts"
import { admit, admitAll, elitePool } from "./ElitePool.ts"
import { episodeLedger, firstEpisode } from "./Episode.ts"
import { randomRows, type Rows } from "./Mode.ts"
import type { BestPoint, SearchProblem, SearchState } from "./SearchState.ts"
import { absorbStage, proposeStage } from "./Stage.ts"

/** Batches without anything new after which points are drawn at random, and so many of these after which all are gone through in turn. */
const patience = { proposed: 100, drawn: 20 }
const patienceWhenListing = { proposed: 10, drawn: 0 }
const batchAnywhere = 64
/** Points up to which a discrete space is gone through. */
const mostListed = 2 ** 22

export const initSearch = (problem: SearchProblem): SearchState => {
  const d = problem.modes.length
  const state: SearchState = {
    round: 0,
    evaluations: 0,
    best: undefined,
    bestRow: new Float64Array(d),
    stage: { kind: "start", episode: firstEpisode(d) },
    ledger: episodeLedger(),
    rank: 2,
    pool: elitePool(),
    found: elitePool(),
    asked: askedPoints(problem.evaluations),
    batch: { rows: new Float64Array(0), count: 0 },
    points: new Float64Array(0),
    entries: new Int32Array(0),
    fresh: new Int32Array(0),
    freshCount: 0,
    unseen: 0,
    listed: 0,
    isOver: problem.evaluations < 1
  }
  enter(state, problem, proposeStage(state, problem, stream(fold(problem.key, 0))))
  skipKnown(state, problem)
  return state
}

/**
 * The rows [count, d] to evaluate next, all different from each other and from all before; none: the search is over. They are the search's own, and
 * what they are until `absorb`.
 */
export const propose = (state: SearchState, problem: SearchProblem): Rows => {
  if (state.isOver) return { rows: new Float64Array(0), count: 0 }
  const d = problem.modes.length
  const { fresh, freshCount, batch, points } = state
  const count = Math.min(problem.evaluations - state.evaluations, freshCount)
  if (freshCount === batch.count) return { rows: points, count }
  const rows = new Float64Array(count * d)
  for (let i = 0; i < count; i++) for (let j = 0; j < d; j++) rows[i * d + j] = points[fresh[i] * d + j]
  return { rows, count }
}

/** Takes the losses of the rows that `propose` gave; what is not finite is a failed point. Changes the state in place. */
export const absorb = (state: SearchState, problem: SearchProblem, losses: ArrayLike<number>): void => {
  const { fresh, batch, points, entries, asked } = state
  const d = problem.modes.length
  const count = Math.min(problem.evaluations - state.evaluations, state.freshCount)
  let least = state.best?.loss ?? Number.POSITIVE_INFINITY
  let bestRow = -1
  for (let i = 0; i < count; i++) {
    const loss = Number.isFinite(losses[i]) ? losses[i] : Number.POSITIVE_INFINITY
    asked.losses[entries[fresh[i]]] = loss
    if (loss < least) {
      least = loss
      bestRow = fresh[i]
    }
  }
  if (bestRow >= 0) {
    state.best = { row: points.slice(bestRow * d, (bestRow + 1) * d), loss: least }
    state.bestRow.set(batch.rows.subarray(bestRow * d, (bestRow + 1) * d))
  }
  state.evaluations += count
  if (state.evaluations >= problem.evaluations) {
    state.isOver = true
    return
  }
  goOn(state, problem)
  skipKnown(state, problem)
}

/** The best points that the search kept, as they were evaluated, best first. */
export const eliteOf = (
  { pool, found, best, bestRow }: SearchState,
  problem: SearchProblem
): Array<BestPoint> => {
  const together = elitePool()
  if (best !== undefined) admit(together, bestRow, best.loss)
  admitAll(together, pool)
  admitAll(together, found)
  return together.rows.map((row, i) => {
    problem.canonical?.(row)
    return { row, loss: together.losses[i] }
  })
}

/** Gives the stage its losses, and makes the next batch. */
const goOn = (state: SearchState, problem: SearchProblem): void => {
  const { asked, entries, batch } = state
  const losses = new Float64Array(batch.count)
  for (let i = 0; i < losses.length; i++) losses[i] = asked.losses[entries[i]]
  const random = stream(fold(problem.key, ++state.round))
  state.stage = absorbStage(state, problem, losses, random)
  enter(state, problem, proposeStage(state, problem, random))
}

/**
 * Goes on while all of the batch is known; where that lasts, draws points at random; where these are known too, goes through all points in turn,
 * or, where they are too many, is over.
 */
const skipKnown = (state: SearchState, problem: SearchProblem): void => {
  for (let idle = 0; state.freshCount === 0 && !state.isOver; idle++) {
    const { proposed, drawn } = state.listed === 0 ? patience : patienceWhenListing
    if (idle < proposed) goOn(state, problem)
    else if (idle < proposed + drawn) {
      const random = stream(fold(problem.key, ++state.round))
      enterAnywhere(state, problem, randomRows(problem.modes, batchAnywhere, random), batchAnywhere)
    } else listNext(state, problem)
  }
}

const enterAnywhere = (
  state: SearchState,
  problem: SearchProblem,
  rows: Float64Array,
  count: number
): void => {
  state.stage = { kind: "anywhere", episode: state.stage.episode }
  enter(state, problem, { rows, count })
}

/** Goes through the points of a discrete space from where it was left. */
const listNext = (state: SearchState, problem: SearchProblem): void => {
  const { modes } = problem
  const d = modes.length
  const size = modes.reduce((product, { levels }) => product * (levels === 0 ? Infinity : levels), 1)
  const count = Math.min(batchAnywhere, size - state.listed)
  if (size > mostListed || count === 0) {
    state.isOver = true
    return
  }
  const rows = new Float64Array(count * d)
  for (let i = 0; i < count; i++)
    for (let k = 0, rest = state.listed + i; k < d; rest = Math.floor(rest / modes[k++].levels))
      rows[i * d + k] = rest % modes[k].levels
  state.listed += count
  enterAnywhere(state, problem, rows, count)
}

const enter = (state: SearchState, problem: SearchProblem, batch: Rows): void => {
  const d = problem.modes.length
  const { canonical, isAllowed } = problem
  state.batch = batch
  state.points = batch.rows
  const rowOf = (i: number) => state.points.subarray(i * d, (i + 1) * d)
  if (canonical !== undefined) {
    state.points = batch.rows.slice(0, batch.count * d)
    for (let i = 0; i < batch.count; i++) canonical(rowOf(i))
  }
  if (state.entries.length < batch.count) {
    state.entries = new Int32Array(2 * batch.count)
    state.fresh = new Int32Array(2 * batch.count)
  }
  const { asked, points, entries, fresh } = state
  state.unseen = lookUp(asked, points, batch.count, d, entries, fresh)
  state.freshCount = state.unseen
  if (isAllowed === undefined) return
  let allowed = 0
  for (let i = 0; i < state.freshCount; i++)
    if (isAllowed(rowOf(fresh[i]))) fresh[allowed++] = fresh[i]
    else asked.losses[entries[fresh[i]]] = Number.POSITIVE_INFINITY
  state.freshCount = allowed
}
