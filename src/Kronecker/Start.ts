import { fold, type Key, type Stream, stream } from "../Random/index.ts"
import {
  type Arrangement,
  freeSides,
  identityArrangement,
  type Permute,
  type Side,
  sideLayout
} from "./Arrangement.ts"
import { linearAssignment } from "./Assignment.ts"
import { type KroneckerProblem } from "./BlockGram.ts"

/**
 * By what the rows (columns) of a group are to resemble each other.
 *
 * - `inner-product`: point the same way and are large, so that a group is nearly its mean: what real weights and sums of many
 *   terms reward.
 * - `squared-cosine`: are nearly multiples of each other, of either sign. Rows (i1, .) of A (x) B are multiples of one row of A, part by
 *   part, and so resemble each other more than others do: this finds planted sums.
 * - `given`: nothing; the order that W came in.
 */
export type Likeness = "inner-product" | "squared-cosine" | "given"

const rounds = 20
/** Larger sides are grouped in random parts of this size: the likenesses are items² numbers. */
const itemsAtOnce = 4096

/**
 * An arrangement whose groups hold like items, the larger ones first: linear assignment puts one item of each group, drawn at
 * random, where it is most like the others, and so on for some rounds.
 */
export const startArrangement = (
  problem: KroneckerProblem,
  permute: Permute,
  likeness: Likeness,
  key: Key
): Arrangement => {
  const start = { ...identityArrangement(problem.shape) }
  if (likeness === "given") return start
  for (const side of freeSides(problem.shape, permute)) {
    const numbers = stream(fold(key, side))
    const { items, groups, slots } = sideLayout(problem.shape, side)
    const drawn = numbers.permutation(items)
    const parts = Math.ceil(items / itemsAtOnce)
    for (let part = 0; part < parts; part++) {
      const [first, last] = [part, part + 1].map((i) => Math.floor((i * groups) / parts) * slots)
      groupAlike(problem, side, drawn.subarray(first, last), slots, likeness, numbers)
    }
    start[side] = drawn
  }
  return start
}

// chosen: items of W in random order, changed into groups of `slots`
const groupAlike = (
  problem: KroneckerProblem,
  side: Side,
  chosen: Uint32Array,
  slots: number,
  likeness: Likeness,
  numbers: Stream
): void => {
  const n = chosen.length
  const groups = n / slots
  const { norms, alike } = likenesses(problem, side, chosen, likeness)
  const order = Uint32Array.from({ length: n }, (_, place) => place)
  const cost = new Float64Array(groups * groups)
  const wanted = groups > 1 ? rounds : 0
  for (let round = 0; round < wanted; round++) {
    for (let first = 0; first < n; first += slots) {
      const drawn = first + numbers.integer(slots)
      ;[order[first], order[drawn]] = [order[drawn], order[first]]
    }
    cost.fill(0)
    for (let g = 0, e = 0; g < groups; g++) {
      const row = order[g * slots] * n
      for (let h = 0; h < groups; h++, e++)
        for (let place = h * slots + 1; place < (h + 1) * slots; place++) cost[e] -= alike[row + order[place]]
    }
    const { columnOf } = linearAssignment(cost, groups)
    const taken = Uint32Array.from(columnOf, (_, g) => order[g * slots])
    for (let g = 0; g < groups; g++) order[columnOf[g] * slots] = taken[g]
  }
  for (let first = 0; first < n; first += slots)
    order.subarray(first, first + slots).sort((x, y) => norms[y] - norms[x])
  chosen.set(order.map((place) => chosen[place]))
}

const likenesses = (
  { w, transposedW, shape, host }: KroneckerProblem,
  side: Side,
  chosen: Uint32Array,
  likeness: Likeness
): { readonly norms: Float64Array; readonly alike: Float32Array } => {
  const n = chosen.length
  const { items } = sideLayout(shape, side)
  const length = w.length / items
  const lines = side === "rows" ? w : transposedW
  const vectors = new Float64Array(n * length)
  chosen.forEach((item, x) => vectors.set(lines.subarray(item * length, (item + 1) * length), x * length))
  const products = host.multiply(vectors, vectors, n, length, n, { transposeB: true })
  const norms = Float64Array.from(chosen, (_, x) => Math.sqrt(products[x * n + x]))
  const alike = Float32Array.from(products)
  if (likeness === "squared-cosine")
    for (let x = 0, e = 0; x < n; x++)
      for (let y = 0; y < n; y++, e++) {
        const scale = norms[x] * norms[y]
        alike[e] = scale === 0 ? 0 : (products[e] / scale) ** 2
      }
  return { norms, alike }
}
