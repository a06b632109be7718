import { Effect } from "effect"
import type { Stream } from "../Random/index.ts"
import { type Dimension, dimensionOf } from "./Dimension.ts"
import { SpaceError } from "./Errors.ts"
import type { AnyParameter, Category, ValueOf } from "./Parameter.ts"

/** What must hold of a configuration; points for which it does not are never asked for. */
export interface Constraint<A> {
  readonly name: string
  readonly holds: (configuration: A) => boolean
}

/** The configurations of some parameters, by their names. */
export type ConfigurationOf<P extends Readonly<Record<string, AnyParameter>>> = {
  readonly [Name in keyof P]: ValueOf<P[Name]>
}

/** What a sampler sees of a space: rows, one coordinate a parameter (see `Dimension`). */
export interface SearchRows {
  readonly dimensions: ReadonlyArray<Dimension>
  /** How many rows there are at most, conditions and constraints left aside; Infinity where a parameter is continuous. */
  readonly cardinality: number
  readonly isActive: (row: ArrayLike<number>, k: number) => boolean
  readonly canonical: (row: Float64Array, random: Stream) => Float64Array
  readonly isAllowed: (row: ArrayLike<number>) => boolean
}

/** What tells one canonical row from another. */
export const rowKey = (row: ArrayLike<number>): string => Array.prototype.join.call(row)

/**
 * A validated search space of configurations `A`.
 *
 * Samplers see a configuration as a row, one coordinate a parameter (see `Dimension`).
 */
export class Space<A> implements SearchRows {
  readonly parameters: Readonly<Record<string, AnyParameter>>
  readonly dimensions: ReadonlyArray<Dimension>
  readonly constraints: ReadonlyArray<Constraint<A>>

  private constructor(
    parameters: Readonly<Record<string, AnyParameter>>,
    dimensions: ReadonlyArray<Dimension>,
    constraints: ReadonlyArray<Constraint<A>>
  ) {
    this.parameters = parameters
    this.dimensions = dimensions
    this.constraints = constraints
  }

  /**
   * The space of these parameters. Fails with `SpaceError` where there are none, bounds are reversed or not finite, categories repeat, or a
   * condition names no earlier parameter.
   *
   * @example
   * const space = yield* Space.make({ rate: float(1e-5, 1e-1, { scale: "log" }), layers: int(1, 8) })
   */
  static make<const P extends Readonly<Record<string, AnyParameter>>>(
    parameters: P,
    constraints: ReadonlyArray<Constraint<ConfigurationOf<P>>> = []
  ): Effect.Effect<Space<ConfigurationOf<P>>, SpaceError> {
    return Effect.try({
      try: () => {
        const entries = Object.entries(parameters)
        if (entries.length === 0) throw new SpaceError({ reason: "has no parameters" })
        const dimensions: Array<Dimension> = []
        for (const [name, parameter] of entries) dimensions.push(dimensionOf(name, parameter, dimensions))
        return new Space<ConfigurationOf<P>>(parameters, dimensions, constraints)
      },
      catch: (cause) => cause
    }).pipe(Effect.catch((cause) => (cause instanceof SpaceError ? Effect.fail(cause) : Effect.die(cause))))
  }

  /** The configuration of a row. */
  configuration(row: ArrayLike<number>): A {
    const result: Record<string, Category | undefined> = {}
    this.dimensions.forEach((dimension, k) => {
      result[dimension.name] = Number.isNaN(row[k]) ? undefined : dimension.toValue(row[k])
    })
    return result as A
  }

  /** The row of a configuration, undefined where it is none of the space. */
  row(configuration: Readonly<Record<string, unknown>>): Float64Array | undefined {
    const row = new Float64Array(this.dimensions.length)
    for (const [k, dimension] of this.dimensions.entries()) {
      const coordinate = this.isActive(row, k)
        ? dimension.toCoordinate(configuration[dimension.name])
        : Number.NaN
      if (coordinate === undefined) return undefined
      row[k] = coordinate
    }
    return row
  }

  /** Whether parameter k exists, given the row's earlier coordinates. */
  isActive(row: ArrayLike<number>, k: number): boolean {
    return this.dimensions[k].given.every(({ dimension, coordinates }) => coordinates.has(row[dimension]))
  }

  /** The row with NaN where a parameter does not exist; one that exists but has no coordinate gets a random one. */
  canonical(row: Float64Array, random: Stream): Float64Array {
    for (const [k, dimension] of this.dimensions.entries()) {
      if (!this.isActive(row, k)) row[k] = Number.NaN
      else if (Number.isNaN(row[k]))
        row[k] = dimension.levels === 0 ? random.uniform() : random.integer(dimension.levels)
    }
    return row
  }

  /** Whether all constraints hold; one that throws does not. */
  isAllowed(row: ArrayLike<number>): boolean {
    if (this.constraints.length === 0) return true
    const configuration = this.configuration(row)
    return this.constraints.every(({ holds }) => {
      try {
        return holds(configuration)
      } catch {
        return false
      }
    })
  }

  /** How many rows there are at most, conditions and constraints left aside; Infinity where a parameter is continuous. */
  get cardinality(): number {
    return this.dimensions.reduce((product, { levels }) => product * (levels === 0 ? Infinity : levels), 1)
  }

  /** The space as text: what a journal keeps to tell one study from another. */
  get description(): string {
    return JSON.stringify({
      parameters: this.parameters,
      constraints: this.constraints.map(({ name }) => name)
    })
  }
}

/** The configurations of a space. */
export type Configuration<S> = S extends Space<infer A> ? A : never
