import type { Effect } from "effect"
import { attempt, ChainError } from "./Errors.ts"

type Numbers = Float64Array | Float32Array | ReadonlyArray<number>

/** What Markov chains left behind: draws, and the scores (gradients of the log density) at the draws. */
export interface Chains {
  readonly chains: number
  readonly draws: number
  readonly dimensions: number
  /** One name a dimension. */
  readonly names: ReadonlyArray<string>
  /** [chains, draws, dimensions] */
  readonly values: Float64Array
  /** [chains, draws, dimensions]; in the same coordinates as the draws. */
  readonly scores: Float64Array | undefined
  /** What else a sampler noted at each draw, by name: [chains, draws]. */
  readonly statistics: Readonly<Record<string, Float64Array>>
}

/** Chains with scores: what a control variate is made from. */
export interface ScoredChains extends Chains {
  readonly scores: Float64Array
}

export interface ChainsInput {
  readonly chains: number
  readonly draws: number
  readonly dimensions: number
  readonly names?: ReadonlyArray<string> | undefined
  readonly values: Numbers
  readonly scores?: Numbers | undefined
  readonly statistics?: Readonly<Record<string, Numbers>> | undefined
}

/** Fewer draws a chain than this make neither a split R-hat nor an effective sample size. */
export const leastDraws = 4

const asFloat64 = (values: Numbers): Float64Array =>
  values instanceof Float64Array ? values : Float64Array.from(values)

const place = (input: ChainsInput, index: number): string => {
  const { draws, dimensions } = input
  const draw = Math.floor(index / dimensions)
  return `chain ${Math.floor(draw / draws)}, draw ${draw % draws}, dimension ${index % dimensions}`
}

const checkNumbers = (what: string, input: ChainsInput, values: Float64Array): void => {
  const { chains, draws, dimensions } = input
  if (values.length !== chains * draws * dimensions)
    throw new ChainError({
      where: what,
      reason: `${values.length} numbers for [${chains}, ${draws}, ${dimensions}] chains, draws and dimensions (${chains * draws * dimensions}); draws and scores need the same shape`
    })
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new ChainError({
        where: `${what}, ${place(input, i)}`,
        reason: `${values[i]} is no finite number`
      })
}

const checkMoves = (input: ChainsInput, values: Float64Array): void => {
  const { chains, draws, dimensions } = input
  const size = draws * dimensions
  for (let c = 0; c < chains; c++) {
    let moved = false
    for (let i = c * size + dimensions; i < (c + 1) * size && !moved; i++)
      moved = values[i] !== values[i - dimensions]
    if (!moved)
      throw new ChainError({
        where: `chain ${c}`,
        reason: `all ${draws} draws are the same: the sampler never moved, and no mean or error follows; use a smaller step or leave the chain out`
      })
  }
}

/** The same as `makeChains`, but throws its `ChainError`. */
export const checkedChains = (input: ChainsInput): Chains => {
  for (const name of ["chains", "draws", "dimensions"] as const)
    if (!(Number.isSafeInteger(input[name]) && input[name] >= 1))
      throw new ChainError({ where: name, reason: `${input[name]} is no whole number of at least 1` })
  if (input.draws < leastDraws)
    throw new ChainError({
      where: "draws",
      reason: `${input.draws} draws a chain; fewer than ${leastDraws} give neither an error bar nor a diagnostic`
    })
  const values = asFloat64(input.values)
  checkNumbers("draws", input, values)
  checkMoves(input, values)
  const scores = input.scores === undefined ? undefined : asFloat64(input.scores)
  if (scores !== undefined) checkNumbers("scores", input, scores)
  const names = input.names ?? Array.from({ length: input.dimensions }, (_, i) => `x${i}`)
  if (names.length !== input.dimensions || new Set(names).size !== names.length)
    throw new ChainError({
      where: "names",
      reason: `need ${input.dimensions} distinct names, one a dimension; got [${names.join(", ")}]`
    })
  const statistics: Record<string, Float64Array> = {}
  for (const [name, numbers] of Object.entries(input.statistics ?? {})) {
    if (numbers.length !== input.chains * input.draws)
      throw new ChainError({
        where: `statistic "${name}"`,
        reason: `${numbers.length} numbers for ${input.chains} chains of ${input.draws} draws`
      })
    statistics[name] = asFloat64(numbers)
  }
  const { chains, draws, dimensions } = input
  return { chains, draws, dimensions, names, values, scores, statistics }
}

/**
 * Chains from plain numbers, checked: at least 4 draws a chain, all numbers finite, scores of the draws' shape, no chain that
 * never moved. Row-major, the arrays are not copied where they are Float64Arrays. Fails with `ChainError`.
 *
 * @example
 * const chains = yield* makeChains({ chains: 4, draws: 1000, dimensions: 2, values, scores })
 */
export const makeChains = (input: ChainsInput): Effect.Effect<Chains, ChainError> =>
  attempt<ChainError>()(() => checkedChains(input))

/** The first dimension whose draws move while its score stays the same, if there is one. */
const unscoredDimension = ({ chains, draws, dimensions, values }: Chains, scores: Float64Array): number => {
  const differs = (x: Float64Array, i: number): boolean => {
    for (let t = 1; t < chains * draws; t++) if (x[t * dimensions + i] !== x[i]) return true
    return false
  }
  for (let i = 0; i < dimensions; i++) if (!differs(scores, i) && differs(values, i)) return i
  return -1
}

/** Throws a `ChainError` where the chains have no scores, or scores that cannot be gradients of a log density. */
export const requireScores = (chains: Chains): ScoredChains => {
  if (chains.scores === undefined)
    throw new ChainError({
      where: "scores",
      reason:
        "absent; control variates are made from the gradient of the log density at every draw: give them beside the draws, or recompute them with a target"
    })
  const unscored = unscoredDimension(chains, chains.scores)
  if (unscored >= 0)
    throw new ChainError({
      where: "scores",
      reason: `that of ${chains.names[unscored]} is ${chains.scores[unscored]} at every draw, and the draws move: these are no gradients of a log density, or of one that control variates are not for (flat, or cut off)`
    })
  return { ...chains, scores: chains.scores }
}

/** One dimension of all chains: [chains, draws]. */
export const column = (chains: Chains, dimension: number): Float64Array => {
  const { dimensions, values } = chains
  const series = new Float64Array(chains.chains * chains.draws)
  for (let i = 0; i < series.length; i++) series[i] = values[i * dimensions + dimension]
  return series
}
