import type { Stream } from "../../Random/index.ts"
import type { SearchRows } from "../Space.ts"
import { leaves } from "./Leaves.ts"
import type { SeenRows } from "./SeenRows.ts"

const tries = 200
const triesOfLarge = 20_000
const largestEnumeration = 2 ** 18

/** Random rows that are allowed and were not seen; where most were seen, or few are allowed, by going through all that there are. */
export class UnseenRows {
  readonly #space: SearchRows
  /** [count, d]; null: too many. */
  #leaves: Float64Array | null | undefined

  constructor(space: SearchRows) {
    this.#space = space
  }

  /** A row drawn by `draw` that is new, else any that is new; undefined where none is found. Counts as seen from now on. */
  take(seen: SeenRows, random: Stream, draw: () => Float64Array): Float64Array | undefined {
    const row = this.#draw(seen, draw, tries) ?? this.#pick(seen, random) ?? this.#drawLong(seen, draw)
    if (row !== undefined) seen.add(row)
    return row
  }

  #draw(seen: SeenRows, draw: () => Float64Array, times: number): Float64Array | undefined {
    for (let i = 0; i < times; i++) {
      const row = draw()
      if (!seen.has(row) && this.#space.isAllowed(row)) return row
    }
    return undefined
  }

  #all(): Float64Array | null {
    return (this.#leaves ??= leaves(this.#space, largestEnumeration) ?? null)
  }

  #drawLong(seen: SeenRows, draw: () => Float64Array): Float64Array | undefined {
    return this.#all() === null ? this.#draw(seen, draw, triesOfLarge) : undefined
  }

  #pick(seen: SeenRows, random: Stream): Float64Array | undefined {
    const all = this.#all()
    if (all === null) return undefined
    const d = this.#space.dimensions.length
    const unseen: Array<number> = []
    for (let at = 0; at < all.length; at += d) if (!seen.has(all.subarray(at, at + d))) unseen.push(at)
    if (unseen.length === 0) return undefined
    const at = unseen[random.integer(unseen.length)]
    return all.slice(at, at + d)
  }
}
