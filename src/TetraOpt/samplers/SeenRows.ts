import { rowKey } from "../Space.ts"
import type { History, Observation } from "./Sampler.ts"

const isSame = (a: Observation, b: Observation): boolean =>
  a === b ||
  (Object.is(a.loss, b.loss) &&
    a.row.length === b.row.length &&
    a.row.every((u, k) => Object.is(u, b.row[k])))

/** What is kept between calls about a history that mostly grows at its end. */
export class ToldPrefix {
  readonly #told: Array<Observation> = []

  /** How many observations at the beginning are those of the last call; all that was kept of the others is void. */
  advance(told: ReadonlyArray<Observation>): number {
    const known = Math.min(this.#told.length, told.length)
    let same = 0
    while (same < known && isSame(this.#told[same], told[same])) same++
    if (same < this.#told.length) this.#told.length = same
    for (let i = same; i < told.length; i++) this.#told.push(told[i])
    return same
  }
}

/** The points that are not to be asked for: told, pending, or chosen already for the same batch. */
export class SeenRows {
  readonly #prefix = new ToldPrefix()
  readonly #told: Array<string> = []
  readonly #counts = new Map<string, number>()
  #others = new Set<string>()

  /** Takes a history; what was chosen before is forgotten. Gives how many of the observations, from the first on, are those of before. */
  update({ told, pending }: History): number {
    const same = this.#prefix.advance(told)
    for (const key of this.#told.splice(same)) {
      const count = this.#counts.get(key) ?? 0
      if (count > 1) this.#counts.set(key, count - 1)
      else this.#counts.delete(key)
    }
    for (let i = same; i < told.length; i++) {
      const key = rowKey(told[i].row)
      this.#told.push(key)
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    }
    this.#others = new Set(pending.map(rowKey))
    return same
  }

  has(row: ArrayLike<number>): boolean {
    const key = rowKey(row)
    return this.#counts.has(key) || this.#others.has(key)
  }

  /** Counts a row that was chosen as seen. */
  add(row: ArrayLike<number>): void {
    this.#others.add(rowKey(row))
  }
}
