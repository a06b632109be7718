import type { Stream } from "../../Random/index.ts"
import { isSmooth, type Mode, randomNear, randomRows } from "./Mode.ts"

/**
 * A piece of a search: chains from random points over the whole box, chains around the best point within a window of modes and a radius, or an
 * evolution strategy.
 */
export interface Episode {
  readonly kind: "global" | "near" | "evolution"
  /** The modes in play, ascending. */
  readonly window: Int32Array
  readonly radius: number
  readonly chains: number
  /** The best loss and the evaluations when it began. */
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

/** Windows have 1, 2, 4, ... modes, radii are 1, 1/4, 1/16, ... of the modes' length: so many of each. */
const windowSizes = 5
const radii = 4

/** An improvement smaller than this share of the loss is no win. */
const leastWin = 1e-6
/** A win counts for this share of all evaluations. */
const memory = 0.1
/** The share of the evaluations that evolution strategies have where they won last, where none or both did, and where chains did. */
const evolutionShare = { won: 0.75, neither: 0.5, lost: 0.2 }

const allModes = (d: number): Int32Array => Int32Array.from({ length: d }, (_, k) => k)

export const firstEpisode = (d: number): Episode => ({
  kind: "global",
  window: allModes(d),
  radius: 1,
  chains: globalChains,
  lossBefore: Number.POSITIVE_INFINITY,
  evaluationsBefore: 0
})

/** Enters how an episode went. */
export const enterEpisode = (
  ledger: EpisodeLedger,
  episode: Episode,
  best: number,
  evaluations: number
): void => {
  ledger.count++
  const isEvolution = episode.kind === "evolution"
  if (isEvolution) {
    ledger.evolutions++
    ledger.evolved += evaluations - episode.evaluationsBefore
  }
  if (!(episode.lossBefore - best > leastWin * Math.abs(best))) return
  if (isEvolution) ledger.evolutionWon = evaluations
  else ledger.chainsWon = evaluations
}

/** What comes next: evolution where it has had less than its share, else chains near the best point, or, from time to time and where there is none, anywhere. */
export const nextEpisode = (
  ledger: EpisodeLedger,
  modes: ReadonlyArray<Mode>,
  best: number,
  evaluations: number,
  planned: number,
  random: Stream
): Episode => {
  const d = modes.length
  const common = { lossBefore: best, evaluationsBefore: evaluations }
  if (!(best < Number.POSITIVE_INFINITY)) return { ...firstEpisode(d), ...common }
  const since = evaluations - memory * planned
  const [chainsWon, evolutionWon] = [ledger.chainsWon > since, ledger.evolutionWon > since]
  const { won, neither, lost } = evolutionShare
  const share = chainsWon === evolutionWon ? neither : evolutionWon ? won : lost
  if (ledger.evolved < share * evaluations && modes.some(isSmooth))
    return { kind: "evolution", window: allModes(d), radius: 1, chains: 1, ...common }
  if (ledger.count % globalEvery === globalEvery - 1) return { ...firstEpisode(d), ...common }
  const width = Math.min(d, 2 ** random.integer(windowSizes))
  const start = random.integer(d - width + 1)
  // Neighbours in the order of the modes, which is where a tensor train expects dependence; or any.
  const window = random.bernoulli(0.5)
    ? Int32Array.from({ length: width }, (_, i) => start + i)
    : Int32Array.from(random.permutation(d).subarray(0, width)).sort()
  return { kind: "near", window, radius: 4 ** -random.integer(radii), chains: nearChains, ...common }
}

/** Where the chains of an episode begin, [chains, d]. Near the best point the first begins at the point itself. */
export const startingRows = (
  { kind, window, radius, chains }: Episode,
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
