import type { Stream } from "../../Random/index.ts"
import { candidateGrid } from "./CandidateGrid.ts"
import { admit, admitAll, elitePool, isElite } from "./ElitePool.ts"
import { enterEpisode, nextEpisode, startingRows } from "./Episode.ts"
import {
  absorbOffspring,
  type EvolutionStrategy,
  evolutionStrategy,
  movingModes,
  proposeOffspring,
  usualOffspring
} from "./EvolutionStrategy.ts"
import { absorbLines, areSettled, type LineSweeps, lineSweeps, proposeLines } from "./LineSweeps.ts"
import type { Rows } from "./Mode.ts"
import type { SearchProblem, SearchState } from "./Search.ts"
import { absorbCore, isFinished, proposeCore, type TensorSweep, tensorSweep } from "./TensorSweep.ts"

/**
 * What an episode is doing. Chains: their starts; rank-1 sweeps over lines within the episode's radius; a tensor-train sweep of higher rank over
 * the candidates that these found; a few sweeps with small steps; and, where that gave a new best point, sweeps until the steps no longer
 * matter. Evolution: its generations. Anywhere: points that the search was given because all it proposed was known.
 */
export type Stage =
  | { readonly kind: "start" | "anywhere" }
  | { readonly kind: "lines" | "polish" | "finish"; readonly sweeps: LineSweeps }
  | { readonly kind: "tensor"; readonly sweep: TensorSweep; readonly before: number }
  | { readonly kind: "evolution"; readonly strategy: EvolutionStrategy }

const lineSweepsAtMost = 2
const polishSweeps = 3
const finishSweeps = 40
const polishStep = 1 / 128
const finishStep = 1 / 1024

/** Of an episode over the whole box: a line's points are its share of the evaluations, within limits. */
const globalLines = { share: 1 / 80, least: 8, most: 96, rounds: 2, minima: 3 }
const nearLines = { points: 32, rounds: 2, minima: 2 }

const ranks = { least: 2, most: 6 }

/** Evolution strategies come in turn: small steps with as few points a generation as usual, then long ones with many times as many. */
const evolutions = [
  { step: 0.02, times: 1 },
  { step: 0.2, times: 4 },
  { step: 0.2, times: 16 }
]

/** The next rows of the stage; possibly none, or such as are known already. */
export const proposeStage = (state: SearchState, { modes }: SearchProblem, random: Stream): Rows => {
  const { stage, episode } = state
  switch (stage.kind) {
    case "start":
    case "anywhere":
      return { rows: startingRows(episode, modes, state.bestRow, random), count: episode.chains }
    case "lines":
    case "polish":
    case "finish":
      return proposeLines(stage.sweeps, modes, random)
    case "tensor":
      return proposeCore(stage.sweep)
    case "evolution":
      return proposeOffspring(stage.strategy, modes, random)
  }
}

/** Takes the losses of all rows of the batch, and goes on to the next stage where this one is over. */
export const absorbStage = (
  state: SearchState,
  problem: SearchProblem,
  losses: Float64Array,
  random: Stream
): void => {
  const { stage } = state
  const { modes } = problem
  switch (stage.kind) {
    case "start":
      return beginLines(state, problem, losses, random)
    case "anywhere":
      return endEpisode(state, problem, random)
    case "lines":
      absorbLines(stage.sweeps, modes, losses, random)
      if (stage.sweeps.sweeps === lineSweepsAtMost) beginTensor(state, problem, stage.sweeps, random)
      return
    case "tensor":
      keepElite(state, losses, modes.length)
      absorbCore(stage.sweep, losses)
      if (isFinished(stage.sweep)) endTensor(state, problem, stage.sweep.best < stage.before, random)
      return
    case "polish":
      absorbLines(stage.sweeps, modes, losses, random)
      if (isSweeping(stage.sweeps, polishSweeps, problem)) return
      admitChains(state, stage.sweeps)
      if (state.found.losses[0] < state.episode.lossBefore) beginPolish(state, problem, "finish", 1, random)
      else endEpisode(state, problem, random)
      return
    case "finish":
      absorbLines(stage.sweeps, modes, losses, random)
      if (isSweeping(stage.sweeps, finishSweeps, problem)) return
      admitChains(state, stage.sweeps)
      return endEpisode(state, problem, random)
    case "evolution":
      absorbOffspring(stage.strategy, losses)
      if (!stage.strategy.isOver) return
      if (state.best !== undefined) admit(state.found, state.bestRow, state.best.loss)
      return endEpisode(state, problem, random)
  }
}

const isSweeping = (sweeps: LineSweeps, most: number, { modes }: SearchProblem): boolean =>
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

const beginLines = (
  state: SearchState,
  { modes, evaluations }: SearchProblem,
  losses: Float64Array,
  random: Stream
): void => {
  const { kind, window, radius, chains } = state.episode
  const { share, least, most, ...closer } = globalLines
  const points = Math.max(least, Math.min(most, Math.floor((share * evaluations) / modes.length)))
  const settings =
    kind === "global"
      ? { window, radius, points, ...closer }
      : { window, radius, ...nearLines, points: Math.min(points, nearLines.points) }
  const rows = state.batch.rows.slice(0, chains * modes.length)
  state.stage = { kind: "lines", sweeps: lineSweeps(modes, rows, losses, settings, random) }
}

const beginTensor = (
  state: SearchState,
  problem: SearchProblem,
  sweeps: LineSweeps,
  random: Stream
): void => {
  admitChains(state, sweeps)
  const { modes } = problem
  const { episode, found, pool, rank } = state
  const together = elitePool()
  admitAll(together, found)
  if (episode.kind === "global") admitAll(together, pool)
  if (together.rows.length === 0) return endEpisode(state, problem, random)
  const grid = candidateGrid(together, modes, episode.window, sweeps.minima)
  state.stage = { kind: "tensor", sweep: tensorSweep(grid, rank), before: together.losses[0] }
}

const endTensor = (state: SearchState, problem: SearchProblem, won: boolean, random: Stream): void => {
  state.rank = Math.max(ranks.least, Math.min(ranks.most, state.rank + (won ? 1 : -1)))
  beginPolish(state, problem, "polish", state.episode.kind === "global" ? 2 : 1, random)
}

/** Sweeps with small steps from the best points of the episode. */
const beginPolish = (
  state: SearchState,
  { modes }: SearchProblem,
  kind: "polish" | "finish",
  most: number,
  random: Stream
): void => {
  const d = modes.length
  const rows = state.found.rows.slice(0, most)
  const starts = new Float64Array(rows.length * d)
  for (const [i, row] of rows.entries()) starts.set(row, i * d)
  const losses = Float64Array.from(state.found.losses.slice(0, most))
  const settings = { window: state.episode.window, radius: 0, points: 0, rounds: 1, minima: 1 }
  const step = kind === "polish" ? polishStep : finishStep
  state.stage = { kind, sweeps: lineSweeps(modes, starts, losses, settings, random, step) }
}

const endEpisode = (state: SearchState, { modes, evaluations }: SearchProblem, random: Stream): void => {
  const { ledger, episode } = state
  const best = state.best?.loss ?? Number.POSITIVE_INFINITY
  enterEpisode(ledger, episode, best, state.evaluations)
  admitAll(state.pool, state.found)
  state.found = elitePool()
  state.episode = nextEpisode(ledger, modes, best, state.evaluations, evaluations, random)
  if (state.episode.kind !== "evolution") {
    state.stage = { kind: "start" }
    return
  }
  const { step, times } = evolutions[ledger.evolutions % evolutions.length]
  const offspring = times * usualOffspring(movingModes(modes).length)
  state.stage = { kind: "evolution", strategy: evolutionStrategy(modes, state.bestRow, step, offspring) }
}
