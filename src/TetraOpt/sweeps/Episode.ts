import type { Stream } from "../../Random/index.ts"
import { movingModes, usualOffspring } from "./EvolutionStrategy.ts"
import { type Mode, randomNear, randomRows } from "./Mode.ts"

/** A piece of a search. */
export type Episode = ChainEpisode | EvolutionEpisode

/** Chains from random points of the whole box, or around the best point within a window of modes and a radius. */
export interface ChainEpisode extends Beginning {
  readonly kind: "global" | "near"
  /** The modes in play, ascending. */
  readonly window: Int32Array
  /** As a share of the modes' length. */
  readonly radius: number
  readonly chains: number
}

/** An evolution strategy from the best point. */
export interface EvolutionEpisode extends Beginning {
  readonly kind: "evolution"
  readonly step: number
  readonly offspring: number
}

interface Beginning {
  readonly lossBefore: number
  readonly evaluationsBefore: number
}

/** How the episodes so far went. */
export interface EpisodeLedger {
  count: number
  /** Evaluations that evolution strategies had, and how many of these there were. */
  evolved: number
  evolutions: number
  /** How many evaluations there were when an episode of the kind last won; -Infinity: never. */
  chainsWon: number
  evolutionWon: number
}

export const episodeLedger = (): EpisodeLedger => ({
  count: 0,
  evolved: 0,
  evolutions: 0,
  chainsWon: Number.NEGATIVE_INFINITY,
  evolutionWon: Number.NEGATIVE_INFINITY
})

const globalChains = 4
const nearChains = 3

/** Every so many episodes the whole box has its turn again. */
const globalEvery = 40

/** Windows have 1, 2, 4, ... modes, radii are 1, 1/4, 1/16, ... of the modes' length: at most so many of each. */
const windowSizes = 5
const radii = 4

/** Evolution strategies come in turn: small steps with as few points a generation as usual, then long ones with many times as many. */
const evolutions = [
  { step: 0.02, times: 1 },
  { step: 0.2, times: 4 },
  { step: 0.2, times: 16 }
]
/** The share of the evaluations that they have where they won last, where they and chains both or neither did, and where chains did. */
const evolutionShare = { won: 0.75, even: 0.5, lost: 0.2 }
/** Generations that there must be room for within the share. */
const leastGenerations = 50

/** An improvement smaller than this share of the loss is no win, and a win counts for this share of all evaluations. */
const leastWin = 1e-6
const winLasts = 0.1

const global = (d: number, beginning: Beginning): ChainEpisode => ({
  kind: "global",
  window: Int32Array.from({ length: d }, (_, k) => k),
  radius: 1,
  chains: globalChains,
  ...beginning
})

export const firstEpisode = (d: number): ChainEpisode =>
  global(d, { lossBefore: Number.POSITIVE_INFINITY, evaluationsBefore: 0 })

/** Enters how an episode went. */
export const enterEpisode = (
  ledger: EpisodeLedger,
  { kind, lossBefore, evaluationsBefore }: Episode,
  best: number,
  evaluations: number
): void => {
  const won = lossBefore - best > leastWin * Math.abs(best)
  ledger.count++
  if (kind === "evolution") {
    ledger.evolutions++
    ledger.evolved += evaluations - evaluationsBefore
    if (won) ledger.evolutionWon = evaluations
  } else if (won) ledger.chainsWon = evaluations
}

/** What comes next after `evaluations` of those `planned`, with the loss of the best point, Infinity where there is none. */
export const nextEpisode = (
  ledger: EpisodeLedger,
  modes: ReadonlyArray<Mode>,
  best: number,
  evaluations: number,
  planned: number,
  random: Stream
): Episode => {
  const d = modes.length
  const beginning = { lossBefore: best, evaluationsBefore: evaluations }
  if (!(best < Number.POSITIVE_INFINITY)) return global(d, beginning)
  const since = evaluations - winLasts * planned
  const [chainsWon, evolutionWon] = [ledger.chainsWon > since, ledger.evolutionWon > since]
  const share = evolutionShare[chainsWon === evolutionWon ? "even" : evolutionWon ? "won" : "lost"]
  const moving = movingModes(modes).length
  const { step, times } = evolutions[ledger.evolutions % evolutions.length]
  const offspring = times * usualOffspring(moving)
  if (moving > 0 && ledger.evolved + leastGenerations * offspring < share * evaluations)
    return { kind: "evolution", step, offspring, ...beginning }
  if (ledger.count % globalEvery === globalEvery - 1) return global(d, beginning)
  const sizes = Math.min(windowSizes, 1 + Math.ceil(Math.log2(d)))
  const width = Math.min(d, 2 ** random.integer(sizes))
  const start = random.integer(d - width + 1)
  // Neighbours in the order of the modes, which is where a tensor train expects dependence; or any.
  const window = random.bernoulli(0.5)
    ? Int32Array.from({ length: width }, (_, i) => start + i)
    : Int32Array.from(random.permutation(d).subarray(0, width)).toSorted()
  return { kind: "near", window, radius: 4 ** -random.integer(radii), chains: nearChains, ...beginning }
}

/** Where the chains of an episode begin, [chains, d]. Near the best point the first begins at the point itself. */
export const startingRows = (
  { kind, window, radius, chains }: ChainEpisode,
  modes: ReadonlyArray<Mode>,
  best: Float64Array,
  random: Stream
): Float64Array => {
  if (kind === "global") return randomRows(modes, chains, random)
  const d = modes.length
  const rows = new Float64Array(chains * d)
  for (let chain = 0; chain < chains; chain++) {
    rows.set(best, chain * d)
    if (chain > 0) for (const k of window) rows[chain * d + k] = randomNear(modes[k], best[k], radius, random)
  }
  return rows
}
