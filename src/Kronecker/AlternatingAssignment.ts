import { fold, type Key, stream } from "../Random/index.ts"
import { type Arrangement, freeSides, type Permute, type Side, sideLayout } from "./Arrangement.ts"
import { linearAssignment } from "./Assignment.ts"
import {
  gramOf,
  type KroneckerProblem,
  type PrincipalSpace,
  principalSpace,
  relativeErrorOf
} from "./BlockGram.ts"
import { asColumns, gramChange, ownCouplings, type Pool, poolOf } from "./PairCouplings.ts"

/**
 * What is assigned in a round: all items of a side at once, to the best matching of items and places of the present
 * approximation; or one item of each group, exactly.
 */
export type AssignmentStage = "all-items" | "one-of-each-group" | "settled"

/** Serialisable; with the problem it determines all that follows. */
export interface AssignmentState {
  readonly permute: Permute
  readonly key: Key
  readonly round: number
  readonly stage: AssignmentStage
  /** Rounds since f last rose. */
  readonly idle: number
  readonly arrangement: Arrangement
  /** G = RᵀR for the arrangement, [m2 n2, m2 n2]. */
  readonly gram: Float64Array
  readonly space: PrincipalSpace
}

export interface AssignmentInfo {
  readonly round: number
  readonly stage: AssignmentStage
  readonly side: Side
  /** Items that changed places. */
  readonly moved: number
  readonly objective: number
  readonly relativeError: number
}

/** Larger sides are assigned in random parts of this size, O(n³) each: as good in the end as all 3072 at once, in half the time. */
const itemsAtOnce = 1024
/** A rise of f by less than this part of ||W||² counts as none. */
const least = 1e-4
/** So many rounds a side without a rise end the exchange of one item a group, which is drawn at random. */
const patience = 3

/** The state before the first round; an arrangement that has been annealed has nothing to gain from the first stage. */
export const initAssignment = (
  problem: KroneckerProblem,
  arrangement: Arrangement,
  permute: Permute,
  key: Key,
  firstStage: AssignmentStage = "all-items"
): AssignmentState => {
  const gram = gramOf(problem, arrangement)
  const stage = freeSides(problem.shape, permute).length === 0 ? "settled" : firstStage
  const space = principalSpace(problem, gram)
  return { permute, key, round: 0, stage, idle: 0, arrangement, gram, space }
}

/**
 * One round on one side, rows and columns in turn; f never falls. First all items are assigned at once to the places of T, the
 * present approximation W is projected to: argmax over p of <W[p], T>, a lower bound of f since f is convex. T resembles the present
 * arrangement most, so this soon stands still; then one item of each group, drawn at random, is taken out and these are put
 * back where tr(P G) is greatest, which is exact. Pure given the state, until its stage is "settled".
 */
export const assignmentStep = (
  problem: KroneckerProblem,
  state: AssignmentState
): readonly [AssignmentState, AssignmentInfo] => {
  const { permute, key, round, stage, arrangement, space } = state
  const sides = freeSides(problem.shape, permute)
  const side = sides[round % sides.length]
  const { groups, slots } = sideLayout(problem.shape, side)
  const numbers = stream(fold(key, round))
  const several = stage === "all-items" ? slots : 1
  const chosen = numbers.permutation(groups).subarray(0, Math.max(2, Math.floor(itemsAtOnce / several)))
  const pool = poolOf(problem, arrangement, side, chosen)
  const places =
    stage === "all-items"
      ? Uint32Array.from(pool.items, (_, place) => place)
      : Uint32Array.from(chosen, (_, group) => group * slots + numbers.integer(slots))
  const order = reassigned(problem, pool, space.projector, places, stage === "all-items")
  const change = gramChange(pool, order)
  const gram = state.gram.map((value, e) => value + change[e])
  const next = principalSpace(problem, gram)
  const rise = next.objective - space.objective
  const idle = rise > least * problem.squaredNorm ? 0 : state.idle + 1
  const limit = stage === "all-items" ? sides.length : patience * sides.length
  const advanced = {
    permute,
    key,
    round: round + 1,
    stage: idle < limit ? stage : stage === "all-items" ? "one-of-each-group" : "settled",
    idle: idle < limit ? idle : 0
  } as const
  // Rounding may let f fall where nothing is to be gained.
  const kept = rise > 0 ? { arrangement: placed(arrangement, side, pool, order), gram, space: next } : state
  const { objective } = kept.space
  const moved = rise > 0 ? order.reduce((count, item, place) => count + (item === place ? 0 : 1), 0) : 0
  return [
    { ...advanced, arrangement: kept.arrangement, gram: kept.gram, space: kept.space },
    { round, stage, side, moved, objective, relativeError: relativeErrorOf(problem, objective) }
  ]
}

const placed = (arrangement: Arrangement, side: Side, pool: Pool, order: Uint32Array): Arrangement => {
  const { slots } = pool.layout
  const changed = arrangement[side].slice()
  order.forEach((item, place) => {
    changed[pool.groups[Math.floor(place / slots)] * slots + (place % slots)] = pool.items[item]
  })
  return { ...arrangement, [side]: changed }
}

// The pool's items in a new order: those of `places` among these places, so that what they gain in all is greatest.
const reassigned = (
  { host }: KroneckerProblem,
  pool: Pool,
  projector: Float64Array,
  places: Uint32Array,
  linearised: boolean
): Uint32Array => {
  const { slots, otherGroups, otherSlots } = pool.layout
  const n = pool.items.length
  const count = places.length
  const inner = otherSlots * otherGroups
  const taken = new Float64Array(otherSlots * count * otherGroups)
  for (let a = 0; a < otherSlots; a++)
    places.forEach((item, x) => {
      const from = (a * n + item) * otherGroups
      taken.set(pool.values.subarray(from, from + otherGroups), (a * count + x) * otherGroups)
    })
  const surroundings = surroundingsOf(pool, projector, places, linearised)
  // cost: [places, items]
  const cost = host.multiply(surroundings, asColumns(taken, pool.layout), count, inner, count)
  const own = linearised ? undefined : ownCouplings(pool, projector, places)
  for (let e = 0; e < cost.length; e++) cost[e] *= -2
  if (own !== undefined)
    for (let place = 0, e = 0; place < count; place++) {
      const row = (places[place] % slots) * n
      for (let x = 0; x < count; x++, e++) cost[e] -= own[row + places[x]]
    }
  const { columnOf } = linearAssignment(cost, count)
  const order = Uint32Array.from({ length: n }, (_, place) => place)
  places.forEach((place, i) => {
    order[place] = places[columnOf[i]]
  })
  return order
}

// What P makes of each place's group: surroundings[place, a, i] = sum over slots t and b of P[(s, a), (t, b)] values[b, item in t, i],
// with the place's own slot s among the t only where the problem is linearised.
const surroundingsOf = (
  { layout, items, values }: Pool,
  projector: Float64Array,
  places: Uint32Array,
  withOwn: boolean
): Float64Array => {
  const { slots, otherGroups, otherSlots, place: within } = layout
  const size = slots * otherSlots
  const result = new Float64Array(places.length * otherSlots * otherGroups)
  for (let p = 0; p < places.length; p++) {
    const s = places[p] % slots
    const first = places[p] - s
    for (let t = 0; t < slots; t++) {
      if (t === s && !withOwn) continue
      for (let a = 0; a < otherSlots; a++)
        for (let b = 0; b < otherSlots; b++) {
          const coefficient = projector[within(s, a) * size + within(t, b)]
          const from = (b * items.length + first + t) * otherGroups
          const to = (p * otherSlots + a) * otherGroups
          for (let i = 0; i < otherGroups; i++) result[to + i] += coefficient * values[from + i]
        }
    }
  }
  return result
}
