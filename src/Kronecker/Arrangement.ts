import type { KroneckerShape } from "./Contraction.ts"

/** The order in which the rows and columns of W are read: W[rows[i], columns[j]] ~ (sum_r A_r (x) B_r)[i, j]. */
export interface Arrangement {
  readonly rows: Uint32Array
  readonly columns: Uint32Array
}

/** Which of the two orders may differ from the one that W came in. */
export type Permute = "none" | "rows" | "columns" | "rows-and-columns"

export type Side = "rows" | "columns"

/** The sides that `permute` leaves free and whose order matters: more than one slot, more than one group. */
export const freeSides = (shape: KroneckerShape, permute: Permute): ReadonlyArray<Side> =>
  (["rows", "columns"] as const).filter((side) => {
    const { groups, slots } = sideLayout(shape, side)
    return permute.includes(side) && groups > 1 && slots > 1
  })

/**
 * One side of W as the other sees it. The items (rows, say) stand in groups of `slots`: item `group * slots + slot` meets
 * row `group` of A and row `slot` of B.
 */
export interface SideLayout {
  readonly items: number
  readonly groups: number
  readonly slots: number
  readonly otherGroups: number
  readonly otherSlots: number
  /** The place of (slot, other slot) in a block of m2 n2 numbers, which is row-major. */
  readonly place: (slot: number, otherSlot: number) => number
}

export const sideLayout = ({ left, right }: KroneckerShape, side: Side): SideLayout => {
  const [own, other] = side === "rows" ? [0, 1] : [1, 0]
  const n2 = right[1]
  return {
    items: left[own] * right[own],
    groups: left[own],
    slots: right[own],
    otherGroups: left[other],
    otherSlots: right[other],
    place:
      side === "rows"
        ? (slot, otherSlot) => slot * n2 + otherSlot
        : (slot, otherSlot) => otherSlot * n2 + slot
  }
}

export const identityPermutation = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i)

export const identityArrangement = ({ left, right }: KroneckerShape): Arrangement => ({
  rows: identityPermutation(left[0] * right[0]),
  columns: identityPermutation(left[1] * right[1])
})

/**
 * The shape with its factors exchanged. A (x) B and B (x) A hold the same numbers in another order (the perfect shuffle),
 * so a permuted sum of the one shape is a permuted sum of the other.
 */
export const exchanged = ({ terms, left, right }: KroneckerShape): KroneckerShape => ({
  terms,
  left: right,
  right: left
})

/** The arrangement that reads the same blocks for `shape` as `arrangement` does for the exchanged shape. */
export const shuffled = (arrangement: Arrangement, { left, right }: KroneckerShape): Arrangement => ({
  rows: shuffle(arrangement.rows, left[0], right[0]),
  columns: shuffle(arrangement.columns, left[1], right[1])
})

// order: [slots, groups] -> [groups, slots]
const shuffle = (order: Uint32Array, groups: number, slots: number): Uint32Array => {
  const result = new Uint32Array(order.length)
  for (let group = 0; group < groups; group++)
    for (let slot = 0; slot < slots; slot++) result[group * slots + slot] = order[slot * groups + group]
  return result
}

/**
 * The same blocks with the groups of each side in the order of their first items: an arrangement that differs from W's own order
 * no more than it must, which changes nothing but the order of A's rows and columns.
 */
export const inOrder = (arrangement: Arrangement, { left, right }: KroneckerShape): Arrangement => ({
  rows: groupsInOrder(arrangement.rows, left[0], right[0]),
  columns: groupsInOrder(arrangement.columns, left[1], right[1])
})

const groupsInOrder = (order: Uint32Array, groups: number, slots: number): Uint32Array => {
  const firstItem = Array.from({ length: groups }, (_, g) =>
    order.subarray(g * slots, (g + 1) * slots).reduce((first, item) => Math.min(first, item), Infinity)
  )
  const result = new Uint32Array(order.length)
  firstItem
    .map((_, group) => group)
    .toSorted((g, h) => firstItem[g] - firstItem[h])
    .forEach((group, place) => result.set(order.subarray(group * slots, (group + 1) * slots), place * slots))
  return result
}

export const isIdentity = (order: Uint32Array): boolean => order.every((item, place) => item === place)
