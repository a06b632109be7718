import type { Stream } from "../../../Random/index.ts"
import { rowKey, type SearchRows } from "../../Space.ts"
import type { SeenRows } from "../SeenRows.ts"
import { coordinateAt, coordinateNearest, uniformRow } from "../UniformRow.ts"
import type { Acquisition } from "./Acquisition.ts"
import type { Posterior } from "./Posterior.ts"

/** Up to so many levels all are tried. */
const fewLevels = 24
/** Of a long scale: places drawn from all of it, and steps of about 1/2, 1/4, ... of it. */
const drawn = 2
const halvings = 8
/** Coordinates that one climb tries, so that proposals stay quick where there are many parameters. */
const mostTried = 2000

/** A point found, and how much is to be hoped from it. */
export interface Candidate {
  readonly row: Float64Array
  readonly score: number
}

/** Coordinates of dimension k to try instead of the row's own. */
const alternatives = (
  space: SearchRows,
  k: number,
  coordinate: number,
  random: Stream
): ReadonlyArray<number> => {
  const dimension = space.dimensions[k]
  const { levels, position } = dimension
  if (levels > 0 && (levels <= fewLevels || !dimension.isOrdered))
    return Array.from({ length: levels }, (_, level) => level).filter((level) => level !== coordinate)
  const here = position(coordinate)
  const places: Array<number> = []
  for (let i = 0; i < drawn; i++) places.push(random.uniform())
  for (let i = 1; i <= halvings; i++) places.push(here + random.normal() * 2 ** -i)
  const inside = places
    .map((place) => Math.min(1, Math.max(0, place)))
    .map((place) => coordinateNearest(dimension, place))
  if (levels > 0) inside.push(Math.max(0, coordinate - 1), Math.min(levels - 1, coordinate + 1))
  return inside.filter((other) => other !== coordinate)
}

/** Climbs from rows, one coordinate at a time, to points that are allowed and not seen. */
export class CoordinateSearch {
  readonly #space: SearchRows
  readonly #posterior: Posterior
  readonly #acquisition: Acquisition
  readonly #seen: SeenRows
  /** Whether the existence of other parameters depends on this one. */
  readonly #isParent: ReadonlyArray<boolean>
  readonly #covariances: Float64Array<ArrayBuffer>
  readonly #others: Float64Array
  readonly #visited = new Set<string>()

  constructor(space: SearchRows, posterior: Posterior, acquisition: Acquisition, seen: SeenRows) {
    this.#space = space
    this.#posterior = posterior
    this.#acquisition = acquisition
    this.#seen = seen
    const parents = new Set(space.dimensions.flatMap(({ given }) => given.map(({ dimension }) => dimension)))
    this.#isParent = space.dimensions.map((_, k) => parents.has(k))
    this.#covariances = new Float64Array(posterior.points.length)
    this.#others = new Float64Array(posterior.points.length)
  }

  /** Where no coordinate alone leads further up; undefined where nothing new is in reach, or where an earlier climb has come by. */
  climb(start: Float64Array, random: Stream): Candidate | undefined {
    const { locations } = this.#posterior
    const { prior } = this.#acquisition
    const d = locations.count
    let row = new Float64Array(start)
    // What parameters that do not exist would be, if they came to exist.
    const shadow = uniformRow(this.#space, random).map((u, k) =>
      Number.isNaN(u) ? coordinateAt(this.#space.dimensions[k], random.uniform()) : u
    )
    let at = locations.of(row)
    let phases = prior?.phases(at)
    const whole = this.#posterior.covariances(at)
    let score = this.#isNew(row)
      ? this.#acquisition.score(
          whole,
          prior === undefined || phases === undefined ? 0 : prior.value(phases),
          Number.NEGATIVE_INFINITY
        )
      : Number.NEGATIVE_INFINITY
    let tried = 0
    for (let moved = true; moved && tried < mostTried; ) {
      moved = false
      for (const k of random.permutation(d)) {
        if (Number.isNaN(row[k])) continue
        this.#others.set(whole)
        this.#posterior.divide(this.#others, k, at[k])
        const terms = prior !== undefined && phases !== undefined ? prior.terms(phases) : undefined
        let next: Float64Array<ArrayBuffer> | undefined
        for (const other of alternatives(this.#space, k, row[k], random)) {
          tried++
          let candidate = row
          let value = 0
          if (this.#isParent[k]) {
            candidate = new Float64Array(row)
            candidate[k] = other
            for (let c = 0; c < d; c++) if (c !== k && Number.isNaN(candidate[c])) candidate[c] = shadow[c]
            this.#space.canonical(candidate, random)
            const there = locations.of(candidate)
            this.#posterior.covariances(there, this.#covariances)
            if (prior !== undefined) value = prior.value(prior.phases(there))
          } else {
            const there = locations.at(k, other)
            this.#covariances.set(this.#others)
            this.#posterior.multiply(this.#covariances, k, there)
            if (prior !== undefined && terms !== undefined && phases !== undefined)
              value = prior.valueAfter(terms, phases, k, at[k], there)
          }
          const reached = this.#acquisition.score(this.#covariances, value, score)
          if (reached <= score) continue
          if (candidate === row) {
            candidate = new Float64Array(row)
            candidate[k] = other
          }
          if (!this.#isNew(candidate)) continue
          score = reached
          next = candidate
        }
        if (next === undefined) continue
        // From here an earlier climb has gone on already.
        if (this.#visited.has(rowKey(next))) return undefined
        this.#visited.add(rowKey(next))
        moved = true
        row = next
        at = locations.of(row)
        this.#posterior.covariances(at, whole)
        phases = prior?.phases(at)
      }
    }
    return score === Number.NEGATIVE_INFINITY ? undefined : { row, score }
  }

  #isNew(row: Float64Array): boolean {
    return !this.#seen.has(row) && this.#space.isAllowed(row)
  }
}
