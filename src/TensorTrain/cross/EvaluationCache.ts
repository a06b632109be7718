/** Which entries of a cache answer some index rows, and which of these entries are new. */
export interface Lookup {
  /** One entry a row. */
  readonly entries: Int32Array
  /** The entries from `start` on have no value yet; their index rows, [count, d], in that order. */
  readonly start: number
  readonly missing: Int32Array
}

/** Values of a function at index rows of d integers, each row kept once: open addressing over the rows themselves. */
export class EvaluationCache {
  readonly #dimensions: number
  #rows: Int32Array
  #values: Float64Array
  /** Entry + 1, or 0 where free; a power of two of slots, at most half of them taken. */
  #slots: Int32Array
  #count = 0

  constructor(dimensions: number) {
    this.#dimensions = dimensions
    this.#rows = new Int32Array(256 * dimensions)
    this.#values = new Float64Array(256)
    this.#slots = new Int32Array(512)
  }

  /** Distinct rows that were ever looked up. */
  get size(): number {
    return this.#count
  }

  value(entry: number): number {
    return this.#values[entry]
  }

  /** The index row of an entry. */
  row(entry: number): Int32Array {
    return this.#rows.slice(entry * this.#dimensions, (entry + 1) * this.#dimensions)
  }

  /** Enters the rows [count, d] that are not there yet, each once; their values are to be stored next. */
  lookUp(indices: Int32Array): Lookup {
    const dimensions = this.#dimensions
    const entries = new Int32Array(indices.length / dimensions)
    const start = this.#count
    for (let row = 0; row < entries.length; row++) entries[row] = this.#enter(indices, row * dimensions)
    return { entries, start, missing: this.#rows.slice(start * dimensions, this.#count * dimensions) }
  }

  /** Gives the entries from `start` on their values. */
  store(start: number, values: ArrayLike<number>): void {
    this.#values.set(values, start)
  }

  /** Takes back the entries from `count` on, whose values will not come. */
  truncate(count: number): void {
    this.#count = count
    this.#hashAgain(this.#slots.length)
  }

  #enter(indices: Int32Array, at: number): number {
    const dimensions = this.#dimensions
    const mask = this.#slots.length - 1
    let slot = hash(indices, at, dimensions) & mask
    for (;;) {
      const entry = this.#slots[slot] - 1
      if (entry < 0) break
      let k = 0
      while (k < dimensions && this.#rows[entry * dimensions + k] === indices[at + k]) k++
      if (k === dimensions) return entry
      slot = (slot + 1) & mask
    }
    const entry = this.#count++
    if (entry === this.#values.length) this.#grow()
    for (let k = 0; k < dimensions; k++) this.#rows[entry * dimensions + k] = indices[at + k]
    if (2 * this.#count > this.#slots.length) this.#hashAgain(2 * this.#slots.length)
    else this.#slots[slot] = entry + 1
    return entry
  }

  #grow(): void {
    const rows = new Int32Array(2 * this.#rows.length)
    rows.set(this.#rows)
    this.#rows = rows
    const values = new Float64Array(2 * this.#values.length)
    values.set(this.#values)
    this.#values = values
  }

  #hashAgain(slots: number): void {
    this.#slots = new Int32Array(slots)
    for (let entry = 0; entry < this.#count; entry++) {
      let slot = hash(this.#rows, entry * this.#dimensions, this.#dimensions) & (slots - 1)
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (slots - 1)
      this.#slots[slot] = entry + 1
    }
  }
}

// The steps of MurmurHash3 (A. Appleby, 2011) over whole words.
const hash = (words: Int32Array, at: number, count: number): number => {
  let h = 0x9747b28c
  for (let k = 0; k < count; k++) {
    let word = Math.imul(words[at + k], 0xcc9e2d51)
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593)
    h ^= word
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
