import type { PairCouplings } from "./PairCouplings.ts"

/**
 * Which item of a pool stands where, and what tr(P G) would gain by moves.
 *
 * Every item's prospects in every place, beside the present occupants of the other slots of its group, are kept up to date:
 * to weigh a swap is four look-ups, to make one O(slots items).
 */
export class Placement {
  readonly couplings: PairCouplings
  /** order[group * slots + slot] is an item. */
  readonly order: Uint32Array
  /** [places, items] */
  readonly #prospects: Float32Array

  constructor(couplings: PairCouplings, order: Uint32Array) {
    this.couplings = couplings
    this.order = order
    const { slots, items, own, pairs } = couplings
    const prospects = new Float32Array(items * items)
    for (let place = 0; place < items; place++) {
      const slot = place % slots
      const first = place - slot
      const row = place * items
      for (let x = 0; x < items; x++) prospects[row + x] = own[slot * items + x]
      for (let other = 0; other < slots; other++) {
        if (other === slot) continue
        const beside = ((other * slots + slot) * items + order[first + other]) * items
        for (let x = 0; x < items; x++) prospects[row + x] += 2 * pairs[beside + x]
      }
    }
    this.#prospects = prospects
  }

  /** What the items of places i and j gain by changing places. */
  swapGain(i: number, j: number): number {
    const { slots, items, pairs } = this.couplings
    const prospects = this.#prospects
    const x = this.order[i]
    const y = this.order[j]
    const gain =
      prospects[i * items + y] -
      prospects[i * items + x] +
      prospects[j * items + x] -
      prospects[j * items + y]
    const s = i % slots
    const t = j % slots
    if (i - s !== j - t) return gain
    // In one group, each item's prospects have the other beside it where it no longer is.
    const st = (s * slots + t) * items
    return (
      gain +
      2 *
        (pairs[(st + x) * items + y] +
          pairs[(st + y) * items + x] -
          pairs[(st + x) * items + x] -
          pairs[(st + y) * items + y])
    )
  }

  swap(i: number, j: number): void {
    const x = this.order[i]
    this.#move(i, this.order[j])
    this.#move(j, x)
  }

  /** What is gained when the groups that begin at places g and h exchange their items in the first `count` of `bundle`'s slots. */
  exchangeGain(g: number, h: number, bundle: Uint32Array, count: number): number {
    const { slots, items, pairs } = this.couplings
    const order = this.order
    const prospects = this.#prospects
    let gain = 0
    for (let e = 0; e < count; e++) {
      const s = bundle[e]
      const x = order[g + s]
      const y = order[h + s]
      const inG = (g + s) * items
      const inH = (h + s) * items
      gain += prospects[inG + y] - prospects[inG + x] + prospects[inH + x] - prospects[inH + y]
      for (let f = 0; f < e; f++) {
        const t = bundle[f]
        const u = order[g + t]
        const v = order[h + t]
        const beside = (s * slots + t) * items
        gain +=
          4 *
          (pairs[(beside + x) * items + u] +
            pairs[(beside + y) * items + v] -
            pairs[(beside + x) * items + v] -
            pairs[(beside + y) * items + u])
      }
    }
    return gain
  }

  exchange(g: number, h: number, bundle: Uint32Array, count: number): void {
    for (let e = 0; e < count; e++) this.swap(g + bundle[e], h + bundle[e])
  }

  /** The tr(P G) of the pool. */
  total(): number {
    const { slots, items, own, pairs } = this.couplings
    let sum = 0
    for (let place = 0; place < items; place++) {
      const s = place % slots
      const x = this.order[place]
      sum += own[s * items + x]
      for (let t = 0; t < s; t++)
        sum += 2 * pairs[((s * slots + t) * items + x) * items + this.order[place - s + t]]
    }
    return sum
  }

  #move(place: number, item: number): void {
    const { slots, items, pairs } = this.couplings
    const prospects = this.#prospects
    const slot = place % slots
    const first = place - slot
    const before = this.order[place]
    for (let other = 0; other < slots; other++) {
      if (other === slot) continue
      const row = (first + other) * items
      const added = ((slot * slots + other) * items + item) * items
      const removed = ((slot * slots + other) * items + before) * items
      for (let x = 0; x < items; x++) prospects[row + x] += 2 * (pairs[added + x] - pairs[removed + x])
    }
    this.order[place] = item
  }
}
