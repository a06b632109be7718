import type { Stream } from "../../Random/index.ts"
import { candidateGrid } from "./CandidateGrid.ts"
import { admit, admitAll, elitePool, isElite } from "./ElitePool.ts"
import { type ChainEpisode, enterEpisode, nextEpisode, startingRows } from "./Episode.ts"
import { absorbOffspring, evolutionStrategy, proposeOffspring } from "./EvolutionStrategy.ts"
import { absorbLines, areSettled, type LineSweeps, lineSweeps, proposeLines } from "./LineSweeps.ts"
import type { Rows } from "./Mode.ts"
import type { SearchProblem, SearchState, Stage } from "./SearchState.ts"
import { absorbCore, isFinished, proposeCore, tensorSweep } from "./TensorSweep.ts"

const lineSweepsOnce = 2
const polishSweeps = 3
const finishSweeps = 40
const polishStep = 1 / 128
const finishStep = 1 / 1024

/** Of an episode over the whole box a line's points are a share of the evaluations, within limits; others have at most so many. */
const globalLines = { share: 1 / 80, least: 8, most: 96, rounds: 2, minima: 3 }
const nearLines = { most: 24, rounds: 1, minima: 2 }
const closeLines = { radius: 0, points: 0, rounds: 1, minima: 1 }

const ranks = { least: 2, most: 6 }

/** The next rows of the stage; possibly none, or such as are known already. */
export const proposeStage = (state: SearchState, { modes }: SearchProblem, random: Stream): Rows => {
  const { stage } = state
  switch (stage.kind) {
    case "start":
      return {
        rows: startingRows(stage.episode, modes, state.bestRow, random),
        count: stage.episode.chains
      }
    case "lines":
    case "polish":
    case "finish":
      return proposeLines(stage.sweeps, modes, random)
    case "tensor":
      return proposeCore(stage.sweep)
    case "evolution":
      return proposeOffspring(stage.strategy, modes, random)
    case "anywhere":
      return state.batch
  }
}

/** Takes the losses of all rows of the batch, and gives the stage that follows, which is often the same. */
export const absorbStage = (
  state: SearchState,
  problem: SearchProblem,
  losses: Float64Array,
  random: Stream
): Stage => {
  const { stage, found } = state
  const { modes } = problem
  switch (stage.kind) {
    case "start":
      return linesFrom(stage.episode, state.batch.rows, losses, problem, random)
    case "lines":
      absorbLines(stage.sweeps, modes, losses, random)
      if (stage.sweeps.sweeps < lineSweepsOnce) return stage
      admitChains(state, stage.sweeps)
      return tensorFrom(state, problem, stage.episode, stage.sweeps, random)
    case "tensor":
      keepElite(state, losses, modes.length)
      absorbCore(stage.sweep, losses)
      if (!isFinished(stage.sweep)) return stage
      adaptRank(state, stage.sweep.best < stage.lossBefore)
      return closeSweeps("polish", stage.episode, state, problem, random)
    case "polish":
      absorbLines(stage.sweeps, modes, losses, random)
      if (goesOn(stage.sweeps, polishSweeps, problem)) return stage
      admitChains(state, stage.sweeps)
      return found.losses[0] < stage.episode.lossBefore
        ? closeSweeps("finish", stage.episode, state, problem, random)
        : afterEpisode(state, problem, random)
    case "finish":
      absorbLines(stage.sweeps, modes, losses, random)
      if (goesOn(stage.sweeps, finishSweeps, problem)) return stage
      admitChains(state, stage.sweeps)
      return afterEpisode(state, problem, random)
    case "evolution":
      absorbOffspring(stage.strategy, losses, state.unseen)
      if (!stage.strategy.isOver) return stage
      if (state.best !== undefined) admit(found, state.bestRow, state.best.loss)
      return afterEpisode(state, problem, random)
    case "anywhere":
      return afterEpisode(state, problem, random)
  }
}

const goesOn = (sweeps: LineSweeps, most: number, { modes }: SearchProblem): boolean =>
  sweeps.position !== 0 || sweeps.round !== 0 || (sweeps.sweeps < most && !areSettled(sweeps, modes))

const keepElite = ({ found, batch }: SearchState, losses: Float64Array, d: number): void => {
  for (let i = 0; i < losses.length; i++)
    if (isElite(found, losses[i])) admit(found, batch.rows.subarray(i * d, (i + 1) * d), losses[i])
}

const admitChains = ({ found }: SearchState, { rows, losses }: LineSweeps): void => {
  const d = rows.length / losses.length
  for (let chain = 0; chain < losses.length; chain++)
    admit(found, rows.subarray(chain * d, (chain + 1) * d), losses[chain])
}

const adaptRank = (state: SearchState, won: boolean): void => {
  state.rank = Math.max(ranks.least, Math.min(ranks.most, state.rank + (won ? 1 : -1)))
}

const linesFrom = (
  episode: ChainEpisode,
  rows: Float64Array,
  losses: Float64Array,
  { modes, evaluations }: SearchProblem,
  random: Stream
): Stage => {
  const { window, radius, kind } = episode
  const { share, least, most, rounds, minima } = globalLines
  const points = Math.max(least, Math.min(most, Math.floor((share * evaluations) / modes.length)))
  const settings =
    kind === "global"
      ? { window, radius, points, rounds, minima }
      : { window, radius, ...nearLines, points: Math.min(points, nearLines.most) }
  const starts = rows.slice(0, losses.length * modes.length)
  return { kind: "lines", episode, sweeps: lineSweeps(modes, starts, losses, settings, random) }
}

/** Over the whole box, the best points of earlier episodes lend their coordinates. */
const tensorFrom = (
  state: SearchState,
  problem: SearchProblem,
  episode: ChainEpisode,
  { minima }: LineSweeps,
  random: Stream
): Stage => {
  const together = elitePool()
  admitAll(together, state.found)
  if (episode.kind === "global") admitAll(together, state.pool)
  if (together.rows.length === 0) return afterEpisode(state, problem, random)
  const grid = candidateGrid(together, problem.modes, episode.window, minima)
  return { kind: "tensor", episode, sweep: tensorSweep(grid, state.rank), lossBefore: together.losses[0] }
}

/** Sweeps with small steps from the best points of the episode. */
const closeSweeps = (
  kind: "polish" | "finish",
  episode: ChainEpisode,
  { found }: SearchState,
  { modes }: SearchProblem,
  random: Stream
): Stage => {
  const d = modes.length
  const count = Math.min(found.rows.length, kind === "polish" && episode.kind === "global" ? 2 : 1)
  const rows = new Float64Array(count * d)
  for (let i = 0; i < count; i++) rows.set(found.rows[i], i * d)
  const losses = Float64Array.from(found.losses.slice(0, count))
  const settings = { window: episode.window, ...closeLines }
  const step = kind === "polish" ? polishStep : finishStep
  return { kind, episode, sweeps: lineSweeps(modes, rows, losses, settings, random, step) }
}

const afterEpisode = (state: SearchState, { modes, evaluations }: SearchProblem, random: Stream): Stage => {
  const { ledger, stage } = state
  const best = state.best?.loss ?? Number.POSITIVE_INFINITY
  enterEpisode(ledger, stage.episode, best, state.evaluations)
  admitAll(state.pool, state.found)
  state.found = elitePool()
  const episode = nextEpisode(ledger, modes, best, state.evaluations, evaluations, random)
  if (episode.kind !== "evolution") return { kind: "start", episode }
  const { step, offspring } = episode
  return {
    kind: "evolution",
    episode,
    strategy: evolutionStrategy(modes, state.bestRow, step, offspring)
  }
}
