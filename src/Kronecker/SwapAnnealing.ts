import { fold, type Key, stream } from "../Random/index.ts"
import { type Arrangement, freeSides, type Permute, type Side, sideLayout } from "./Arrangement.ts"
import {
  gramOf,
  type KroneckerProblem,
  type PrincipalSpace,
  principalSpace,
  relativeErrorOf
} from "./BlockGram.ts"
import type { KroneckerShape } from "./Contraction.ts"
import { gramChange, pairCouplings, poolOf } from "./PairCouplings.ts"
import { Placement } from "./Placement.ts"
import { annealPool } from "./PoolAnnealing.ts"

export interface AnnealingSchedule {
  readonly permute: Permute
  /** Proposed exchanges, in all. */
  readonly swaps: number
  /**
   * The first and the last temperature, in units of ||W||² sqrt(max(m1, n1)) / (m1 m2 n1 n2), the spread of a coupling in a
   * matrix of independent numbers. It falls geometrically, and is 0 in the last fifth.
   */
  readonly hottest: number
  readonly coldest: number
  /** The side whose items move first. */
  readonly first: Side
}

/** Serialisable; with the problem it determines all that follows. */
export interface AnnealingState {
  readonly schedule: AnnealingSchedule
  readonly key: Key
  readonly phase: number
  readonly arrangement: Arrangement
  /** G = RᵀR for the arrangement, [m2 n2, m2 n2]. */
  readonly gram: Float64Array
  readonly space: PrincipalSpace
}

export interface AnnealingInfo {
  readonly phase: number
  readonly phases: number
  readonly side: Side
  readonly temperature: number
  readonly proposals: number
  readonly accepted: number
  readonly objective: number
  readonly relativeError: number
}

/** Small enough that a pool's prospects stay in a core's cache, large enough that an item has many partners. */
const poolItems = 256
/** Bounds the pair couplings of a pool, slots² items² numbers. */
const poolNumbers = 2 ** 24
/** Bounds of the proposals an item and a sweep: in small problems P should follow often, in large ones reading the pools has to pay. */
const proposalsPerItem = [30, 1000] as const
const fewestSweeps = 4
const coldSweeps = 0.2
/** A pass over a pool ends early once so many moves an item have been accepted. */
const acceptedPerItem = 3

interface Plan {
  readonly sweeps: number
  readonly proposalsPerItem: number
  /** The sides in turn, and into how many pools each is cut in a sweep. */
  readonly parts: ReadonlyArray<{ readonly side: Side; readonly pools: number }>
  readonly phases: number
}

const planOf = (shape: KroneckerShape, { permute, swaps, first }: AnnealingSchedule): Plan => {
  const sides = freeSides(shape, permute)
  const parts = sides
    .filter((side) => side === first)
    .concat(sides.filter((side) => side !== first))
    .map((side) => {
      const { groups, slots } = sideLayout(shape, side)
      const items = Math.min(poolItems, Math.sqrt(poolNumbers) / slots)
      return { side, pools: Math.max(1, Math.floor(groups / Math.max(2, Math.floor(items / slots)))) }
    })
  const items = sides.reduce((sum, side) => sum + sideLayout(shape, side).items, 0)
  const [fewest, most] = proposalsPerItem
  const perSweep = items * Math.max(fewest, Math.min(most, items))
  const sweeps = items === 0 || swaps <= 0 ? 0 : Math.max(fewestSweeps, Math.round(swaps / perSweep))
  return {
    sweeps,
    proposalsPerItem: sweeps === 0 ? 0 : swaps / items / sweeps,
    parts,
    phases: sweeps * parts.reduce((sum, { pools }) => sum + pools, 0)
  }
}

/** The annealing's state before its first step. */
export const initAnnealing = (
  problem: KroneckerProblem,
  arrangement: Arrangement,
  schedule: AnnealingSchedule,
  key: Key
): AnnealingState => {
  const gram = gramOf(problem, arrangement)
  return { schedule, key, phase: 0, arrangement, gram, space: principalSpace(problem, gram) }
}

export const annealingPhases = ({ shape }: KroneckerProblem, { schedule }: AnnealingState): number =>
  planOf(shape, schedule).phases

const temperatureOf = (
  { shape: { left, right }, squaredNorm }: KroneckerProblem,
  { hottest, coldest }: AnnealingSchedule,
  sweep: number,
  sweeps: number
): number => {
  const hotSweeps = Math.max(1, Math.floor((1 - coldSweeps) * sweeps))
  if (sweep >= hotSweeps) return 0
  const unit = (squaredNorm * Math.sqrt(Math.max(...left))) / (left[0] * left[1] * right[0] * right[1])
  return unit * hottest * (coldest / hottest) ** (sweep / hotSweeps)
}

/**
 * One phase of swap annealing: some groups of one side, drawn at random, exchange items by thousands of Metropolis moves on
 * tr(P G) for the present projector P, a lower bound of what f gains since f is convex in G; then G is updated by those groups'
 * difference alone, and P from it. Pure given the state; all phases together cut each side into pools anew in each sweep.
 */
export const annealingStep = (
  problem: KroneckerProblem,
  state: AnnealingState
): readonly [AnnealingState, AnnealingInfo] => {
  const { schedule, key, phase, arrangement } = state
  const plan = planOf(problem.shape, schedule)
  const phasesPerSweep = plan.phases / plan.sweeps
  const sweep = Math.floor(phase / phasesPerSweep)
  let index = phase % phasesPerSweep
  let part = 0
  while (index >= plan.parts[part].pools) index -= plan.parts[part++].pools
  const { side, pools } = plan.parts[part]
  const { groups, slots } = sideLayout(problem.shape, side)
  const drawn = stream(fold(fold(key, side), sweep)).permutation(groups)
  const chosen = drawn.subarray(
    Math.floor((index * groups) / pools),
    Math.floor(((index + 1) * groups) / pools)
  )
  const pool = poolOf(problem, arrangement, side, chosen)
  const items = pool.items.length
  const placement = new Placement(
    pairCouplings(pool, state.space.projector, problem.host),
    Uint32Array.from({ length: items }, (_, i) => i)
  )
  const temperature = temperatureOf(problem, schedule, sweep, plan.sweeps)
  const { proposals, accepted } = annealPool(
    placement,
    { proposals: Math.ceil(plan.proposalsPerItem * items), accepted: acceptedPerItem * items },
    temperature,
    stream(fold(fold(key, "moves"), phase)).integer(2 ** 32)
  )
  const order = arrangement[side].slice()
  for (let place = 0; place < items; place++)
    order[chosen[Math.floor(place / slots)] * slots + (place % slots)] = pool.items[placement.order[place]]
  const change = gramChange(pool, placement.order)
  const gram = state.gram.map((value, e) => value + change[e])
  const space = principalSpace(problem, gram)
  return [
    { ...state, phase: phase + 1, arrangement: { ...arrangement, [side]: order }, gram, space },
    {
      phase,
      phases: plan.phases,
      side,
      temperature,
      proposals,
      accepted,
      objective: space.objective,
      relativeError: relativeErrorOf(problem, space.objective)
    }
  ]
}
