import { ChainError } from "./Errors.ts"
import { type Chains, column } from "./Chains.ts"

/** Functions of the draws whose posterior means are wanted: their names and their values, each [chains, draws]. */
export interface Functionals {
  readonly names: ReadonlyArray<string>
  readonly values: ReadonlyArray<Float64Array>
}

/** The coordinates themselves: posterior means. */
export const coordinates = (chains: Chains): Functionals => ({
  names: chains.names,
  values: chains.names.map((_, i) => column(chains, i))
})

/** The squares of the coordinates: posterior second moments. */
export const squares = (chains: Chains): Functionals => ({
  names: chains.names.map((name) => `${name}^2`),
  values: chains.names.map((_, i) => column(chains, i).map((x) => x * x))
})

/**
 * Any function of a draw; `x` is valid during the call only.
 *
 * @example
 * const ratio = functional(chains, "a over b", (x) => x[0] / x[1])
 */
export const functional = (chains: Chains, name: string, of: (x: Float64Array) => number): Functionals => {
  const { dimensions, values } = chains
  const series = new Float64Array(chains.chains * chains.draws)
  for (let i = 0; i < series.length; i++)
    series[i] = of(values.subarray(i * dimensions, (i + 1) * dimensions))
  return { names: [name], values: [series] }
}

/** Several sets as one. */
export const combine = (...sets: ReadonlyArray<Functionals>): Functionals => ({
  names: sets.flatMap((set) => set.names),
  values: sets.flatMap((set) => set.values)
})

/** Throws a `ChainError` where there is no functional, or one has another length than the chains or a number that is not finite. */
export const checkFunctionals = (chains: Chains, { names, values }: Functionals): void => {
  if (names.length === 0 || names.length !== values.length)
    throw new ChainError({
      where: "functionals",
      reason: `${names.length} names for ${values.length} series; at least one of each, and equally many, are needed`
    })
  values.forEach((series, k) => {
    const where = `functional "${names[k]}"`
    if (series.length !== chains.chains * chains.draws)
      throw new ChainError({
        where,
        reason: `${series.length} values for ${chains.chains} chains of ${chains.draws} draws`
      })
    const bad = series.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0)
      throw new ChainError({
        where: `${where}, chain ${Math.floor(bad / chains.draws)}, draw ${bad % chains.draws}`,
        reason: `${series[bad]} is no finite number`
      })
  })
}
