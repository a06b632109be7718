import { transposed } from "../Tensor/HostMatrix.ts"
import type { Factorizations } from "../Tensor/index.ts"
import { type Arrangement, type Side, type SideLayout, sideLayout } from "./Arrangement.ts"
import { type KroneckerProblem, mirror } from "./BlockGram.ts"

/** Some whole groups of one side, whose items may change places among themselves. */
export interface Pool {
  readonly layout: SideLayout
  readonly groups: Uint32Array
  /** The items by place: items[local group * slots + slot] is a row or column of W. */
  readonly items: Uint32Array
  /** What W has where the items meet the other side: [otherSlots, items, otherGroups]. */
  readonly values: Float64Array
}

/**
 * For a fixed projector P, f = tr(P G) is a sum over the groups of a pool: an item x in slot s contributes
 * own[s, x], and x in slot s beside y in slot t contributes 2 pairs[s, t, x, y], plus what does not depend on the pool.
 */
export interface PairCouplings {
  readonly slots: number
  readonly items: number
  /** [slots, items] */
  readonly own: Float32Array
  /** [slots, slots, items, items]; nothing where the two slots are the same. */
  readonly pairs: Float32Array
}

/** Reads the pool of the given groups out of W. */
export const poolOf = (
  { w, transposedW, shape }: KroneckerProblem,
  arrangement: Arrangement,
  side: Side,
  groups: Uint32Array
): Pool => {
  const layout = sideLayout(shape, side)
  const { slots, otherGroups, otherSlots } = layout
  const [lines, across] = side === "rows" ? [w, arrangement.columns] : [transposedW, arrangement.rows]
  const size = groups.length * slots
  const items = new Uint32Array(size)
  for (let g = 0; g < groups.length; g++)
    for (let s = 0; s < slots; s++) items[g * slots + s] = arrangement[side][groups[g] * slots + s]
  const values = new Float64Array(otherSlots * size * otherGroups)
  for (let a = 0, e = 0; a < otherSlots; a++)
    for (let x = 0; x < size; x++) {
      const line = items[x] * across.length
      for (let i = 0, j = a; i < otherGroups; i++, j += otherSlots) values[e++] = lines[line + across[j]]
    }
  return { layout, groups, items, values }
}

/** values [otherSlots, n, otherGroups] -> [otherSlots otherGroups, n]: an item a column. */
export const asColumns = (values: Float64Array, { otherGroups, otherSlots }: SideLayout): Float64Array => {
  const columns = new Float64Array(values.length)
  const length = values.length / otherSlots
  for (let a = 0; a < otherSlots; a++)
    columns.set(
      transposed(values.subarray(a * length, (a + 1) * length), length / otherGroups, otherGroups),
      a * length
    )
  return columns
}

/** What G gains when the pool's items change from the order they were read in to another: order[place] is an item. */
// -> [m2 n2, m2 n2]
export const gramChange = (pool: Pool, order: Uint32Array): Float64Array => {
  const { slots, otherSlots } = pool.layout
  const size = slots * otherSlots
  const gram = new Float64Array(size * size)
  for (let first = 0; first < order.length; first += slots) {
    const moved = Array.from({ length: slots }, (_, slot) => order[first + slot] !== first + slot)
    if (!moved.includes(true)) continue
    addGroup(gram, pool, (slot) => order[first + slot], moved, 1)
    addGroup(gram, pool, (slot) => first + slot, moved, -1)
  }
  mirror(gram, size)
  return gram
}

// gram += factor times the part of one group, in the lower triangle alone, where a slot that moved has a share in it.
const addGroup = (
  gram: Float64Array,
  { layout, items, values }: Pool,
  itemIn: (slot: number) => number,
  moved: ReadonlyArray<boolean>,
  factor: number
): void => {
  const { slots, otherGroups, otherSlots, place } = layout
  const size = slots * otherSlots
  const starts = new Int32Array(size)
  const changes: Array<boolean> = []
  for (let s = 0; s < slots; s++)
    for (let a = 0; a < otherSlots; a++) {
      starts[place(s, a)] = (a * items.length + itemIn(s)) * otherGroups
      changes[place(s, a)] = moved[s]
    }
  for (let e = 0; e < size; e++)
    for (let f = 0; f <= e; f++)
      if (changes[e] || changes[f])
        gram[e * size + f] += factor * innerProduct(values, starts[e], starts[f], otherGroups)
}

// Four sums, so that one addition need not wait for the other.
const innerProduct = (values: Float64Array, u: number, v: number, length: number): number => {
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  const whole = length - (length % 4)
  for (let i = 0; i < whole; i += 4) {
    s0 += values[u + i] * values[v + i]
    s1 += values[u + i + 1] * values[v + i + 1]
    s2 += values[u + i + 2] * values[v + i + 2]
    s3 += values[u + i + 3] * values[v + i + 3]
  }
  for (let i = whole; i < length; i++) s0 += values[u + i] * values[v + i]
  return s0 + s1 + s2 + s3
}

/** The couplings of a pool's items under the projector P [m2 n2, m2 n2]. */
export const pairCouplings = (pool: Pool, projector: Float64Array, host: Factorizations): PairCouplings => {
  const { slots, otherSlots } = pool.layout
  const items = pool.items.length
  const pairs = new Float32Array(slots * slots * items * items)
  // Either all products of the items' values first and then P, or P first: whichever is fewer multiplications.
  if (2 * otherSlots <= slots * (slots - 1)) productsFirst(pool, projector, host, pairs)
  else projectionFirst(pool, projector, host, pairs)
  return { slots, items, own: ownCouplings(pool, projector), pairs }
}

/** What each item, or each of `chosen`, contributes to tr(P G) by itself in each slot: [slots, items], 0 for the others. */
export const ownCouplings = (
  { layout, items, values }: Pool,
  projector: Float64Array,
  chosen: Uint32Array = Uint32Array.from(items, (_, x) => x)
): Float32Array => {
  const { slots, otherGroups, otherSlots, place } = layout
  const size = slots * otherSlots
  const n = items.length
  const own = new Float32Array(slots * n)
  for (const x of chosen)
    for (let a = 0; a < otherSlots; a++)
      for (let b = 0; b <= a; b++) {
        const product = innerProduct(
          values,
          (a * n + x) * otherGroups,
          (b * n + x) * otherGroups,
          otherGroups
        )
        for (let s = 0; s < slots; s++)
          own[s * n + x] += (a === b ? 1 : 2) * projector[place(s, a) * size + place(s, b)] * product
      }
  return own
}

// H[a, x, b, y] = sum_i values[a, x, i] values[b, y, i], then pairs[s, t, x, y] = sum_ab P[(s, a), (t, b)] H[a, x, b, y]
const productsFirst = (
  { layout, items, values }: Pool,
  projector: Float64Array,
  host: Factorizations,
  pairs: Float32Array
): void => {
  const { slots, otherGroups, otherSlots, place } = layout
  const size = slots * otherSlots
  const n = items.length
  const rows = otherSlots * n
  const products = host.multiply(values, values, rows, otherGroups, rows, { transposeB: true })
  // Four terms at a time, for fewer passes; the coefficients that fill up the last four are 0.
  const terms = 4 * Math.ceil((otherSlots * otherSlots) / 4)
  const offsets = new Int32Array(terms)
  const coefficients = new Float64Array(slots * slots * terms)
  for (let s = 0; s < slots; s++)
    for (let t = 0; t < slots; t++)
      for (let a = 0, e = (s * slots + t) * terms; a < otherSlots; a++)
        for (let b = 0; b < otherSlots; b++) coefficients[e++] = projector[place(s, a) * size + place(t, b)]
  const sums = new Float64Array(n)
  for (let x = 0; x < n; x++) {
    for (let a = 0, e = 0; a < otherSlots; a++)
      for (let b = 0; b < otherSlots; b++) offsets[e++] = (a * n + x) * rows + b * n
    for (let s = 0; s < slots; s++)
      for (let t = 0; t < slots; t++) {
        if (s === t) continue
        sums.fill(0)
        for (let e = 0, c = (s * slots + t) * terms; e < terms; e += 4, c += 4)
          addFour(sums, products, offsets, e, coefficients, c)
        pairs.set(sums, ((s * slots + t) * n + x) * n)
      }
  }
}

const addFour = (
  sums: Float64Array,
  products: Float64Array,
  offsets: Int32Array,
  e: number,
  coefficients: Float64Array,
  c: number
): void => {
  const [o0, o1, o2, o3] = [offsets[e], offsets[e + 1], offsets[e + 2], offsets[e + 3]]
  const [c0, c1, c2, c3] = [coefficients[c], coefficients[c + 1], coefficients[c + 2], coefficients[c + 3]]
  for (let y = 0; y < sums.length; y++)
    sums[y] += c0 * products[o0 + y] + c1 * products[o1 + y] + c2 * products[o2 + y] + c3 * products[o3 + y]
}

// For each s < t: projected[x, b, i] = sum_a P[(s, a), (t, b)] values[a, x, i], then pairs[s, t] = projected valuesᵀ.
const projectionFirst = (
  { layout, items, values }: Pool,
  projector: Float64Array,
  host: Factorizations,
  pairs: Float32Array
): void => {
  const { slots, otherGroups, otherSlots, place } = layout
  const size = slots * otherSlots
  const n = items.length
  const inner = otherSlots * otherGroups
  const columns = asColumns(values, layout)
  const projected = new Float64Array(n * inner)
  for (let s = 0; s < slots; s++)
    for (let t = s + 1; t < slots; t++) {
      projected.fill(0)
      for (let a = 0; a < otherSlots; a++)
        for (let b = 0; b < otherSlots; b++) {
          const coefficient = projector[place(s, a) * size + place(t, b)]
          for (let x = 0; x < n; x++) {
            const from = (a * n + x) * otherGroups
            const to = x * inner + b * otherGroups
            for (let i = 0; i < otherGroups; i++) projected[to + i] += coefficient * values[from + i]
          }
        }
      const products = host.multiply(projected, columns, n, inner, n)
      pairs.set(products, (s * slots + t) * n * n)
      pairs.set(transposed(products, n, n), (t * slots + s) * n * n)
    }
}
