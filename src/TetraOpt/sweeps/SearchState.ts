import type { Key } from "../../Random/index.ts"
import type { AskedPoints } from "./AskedPoints.ts"
import type { ElitePool } from "./ElitePool.ts"
import type { ChainEpisode, Episode, EpisodeLedger } from "./Episode.ts"
import type { EvolutionStrategy } from "./EvolutionStrategy.ts"
import type { LineSweeps } from "./LineSweeps.ts"
import type { Mode, Rows } from "./Mode.ts"
import type { TensorSweep } from "./TensorSweep.ts"

export interface SearchProblem {
  readonly modes: ReadonlyArray<Mode>
  /** How many evaluations there will be: none beyond these are proposed, and the length of lines follows from them. */
  readonly evaluations: number
  readonly key: Key
  /** Writes a row as what is evaluated, where several rows are one point; from then on they are asked for once. */
  readonly canonical?: ((row: Float64Array) => void) | undefined
  /** Rows for which it does not hold are never proposed. */
  readonly isAllowed?: ((row: Float64Array) => boolean) | undefined
}

/** The best point so far, as it was evaluated. */
export interface BestPoint {
  readonly row: Float64Array
  readonly loss: number
}

/** Where a search is; plain data, so that what `structuredClone` or a serialiser of it makes goes on bit for bit. */
export interface SearchState {
  round: number
  evaluations: number
  /** As it was evaluated, and as chains go on from it. */
  best: BestPoint | undefined
  bestRow: Float64Array
  stage: Stage
  readonly ledger: EpisodeLedger
  /** Of tensor sweeps: rises where they find something. */
  rank: number
  /** The best points of all episodes, and of this one. */
  readonly pool: ElitePool
  found: ElitePool
  readonly asked: AskedPoints
  batch: Rows
  /** The rows of the batch as they are evaluated: the same, where no two rows are one point. */
  points: Float64Array
  /** The batch's entries among what was asked, and its rows that are to be evaluated, of which there are `freshCount`. */
  entries: Int32Array
  fresh: Int32Array
  freshCount: number
  /** How many rows of the batch had not been proposed before, allowed or not. */
  unseen: number
  /** How many points of a discrete space were gone through in turn, where nothing new was found otherwise. */
  listed: number
  isOver: boolean
}

/**
 * What an episode is doing. Chains: their starts; rank-1 sweeps over lines within the episode's radius; a tensor-train sweep of higher rank over
 * the candidates that these found; a few sweeps with small steps; and, where that gave a new best point, sweeps until the steps no longer
 * matter. Evolution: its generations. Anywhere: points that the search was given because all it proposed was known.
 */
export type Stage =
  | { readonly kind: "start"; readonly episode: ChainEpisode }
  | {
      readonly kind: "lines" | "polish" | "finish"
      readonly episode: ChainEpisode
      readonly sweeps: LineSweeps
    }
  | {
      readonly kind: "tensor"
      readonly episode: ChainEpisode
      readonly sweep: TensorSweep
      readonly lossBefore: number
    }
  | { readonly kind: "evolution"; readonly episode: Episode; readonly strategy: EvolutionStrategy }
  | { readonly kind: "anywhere"; readonly episode: Episode }
