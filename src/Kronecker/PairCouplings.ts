import type { Factorizations } from "../Tensor/index.ts"
import { type Arrangement, type Side, type SideLayout, sideLayout } from "./Arrangement.ts"
import { addOuterProduct, type KroneckerProblem } from "./BlockGram.ts"

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

const tile = 16

// x: [rows, columns] -> [columns, rows], in tiles, so that neither side misses the cache at every element.
export const transposed = (x: Float64Array, rows: number, columns: number): Float64Array => {
  const result = new Float64Array(x.length)
  for (let first = 0; first < rows; first += tile) {
    const last = Math.min(rows, first + tile)
    for (let j = 0; j < columns; j++)
      for (let i = first; i < last; i++) result[j * rows + i] = x[i * columns + j]
  }
  return result
}

/** Reads the pool of the given groups out of W. */
export const poolOf = (
  { w, shape }: KroneckerProblem,
  arrangement: Arrangement,
  side: Side,
  groups: Uint32Array
): Pool => {
  const layout = sideLayout(shape, side)
  const { slots, otherGroups, otherSlots } = layout
  const outputs = shape.left[1] * shape.right[1]
  const size = groups.length * slots
  const items = new Uint32Array(size)
  for (let g = 0; g < groups.length; g++)
    for (let s = 0; s < slots; s++) items[g * slots + s] = arrangement[side][groups[g] * slots + s]
  const values = new Float64Array(otherSlots * size * otherGroups)
  if (side === "rows") {
    for (let a = 0, e = 0; a < otherSlots; a++)
      for (let x = 0; x < size; x++) {
        const row = items[x] * outputs
        for (let i = 0; i < otherGroups; i++) values[e++] = w[row + arrangement.columns[i * otherSlots + a]]
      }
    return { layout, groups, items, values }
  }
  // Along W's rows, the way they lie in memory: [otherSlots, otherGroups, items], to be turned.
  const slice = new Float64Array(otherGroups * size)
  for (let a = 0; a < otherSlots; a++) {
    for (let i = 0, e = 0; i < otherGroups; i++) {
      const row = arrangement.rows[i * otherSlots + a] * outputs
      for (let x = 0; x < size; x++) slice[e++] = w[row + items[x]]
    }
    values.set(transposed(slice, otherGroups, size), a * slice.length)
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

/** The pool's part of G with its items in the given order; order[place] is an item's place in the pool as it was read. */
// -> lower triangle of [m2 n2, m2 n2]
export const poolGram = ({ layout, values }: Pool, order: Uint32Array): Float64Array => {
  const { slots, otherGroups, otherSlots, place } = layout
  const size = slots * otherSlots
  const gram = new Float64Array(size * size)
  const block = new Float64Array(size)
  const starts = new Int32Array(size)
  for (let first = 0; first < order.length; first += slots) {
    for (let s = 0; s < slots; s++)
      for (let a = 0; a < otherSlots; a++)
        starts[place(s, a)] = (a * order.length + order[first + s]) * otherGroups
    for (let i = 0; i < otherGroups; i++) {
      for (let e = 0; e < size; e++) block[e] = values[starts[e] + i]
      addOuterProduct(gram, block, size, 1)
    }
  }
  return gram
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

/** What each item contributes to tr(P G) by itself in each slot: [slots, items]. */
export const ownCouplings = ({ layout, items, values }: Pool, projector: Float64Array): Float32Array => {
  const { slots, otherGroups, otherSlots, place } = layout
  const size = slots * otherSlots
  const n = items.length
  const own = new Float32Array(slots * n)
  for (let x = 0; x < n; x++)
    for (let a = 0; a < otherSlots; a++)
      for (let b = 0; b <= a; b++) {
        let product = 0
        const u = (a * n + x) * otherGroups
        const v = (b * n + x) * otherGroups
        for (let i = 0; i < otherGroups; i++) product += values[u + i] * values[v + i]
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
  const products = host.multiply(values, transposed(values, rows, otherGroups), rows, otherGroups, rows)
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
