import { type Chains, checkedChains, column } from "../Chains.ts"
import { SampleFileError } from "../Errors.ts"
import type { Reduction } from "../fit/Reduction.ts"

type Nested = number | boolean | null | ReadonlyArray<Nested>

/** Groups of variables, each nested lists [chain][draw][...]: what ArviZ's `to_json` writes and `from_json` reads. */
export interface InferenceData {
  readonly posterior: Readonly<Record<string, Nested>>
  readonly sample_stats?: Readonly<Record<string, Nested>>
}

const shapeOf = (value: Nested): ReadonlyArray<number> =>
  Array.isArray(value) ? [value.length, ...(value.length > 0 ? shapeOf(value[0]) : [])] : []

/** The numbers of nested lists in order; null is NaN. Throws a `SampleFileError` for lists of unequal length. */
const flatten = (value: Nested, path: string, name: string) => {
  const shape = shapeOf(value)
  const numbers: Array<number> = []
  const visit = (part: Nested, depth: number): void => {
    if (Array.isArray(part)) {
      if (part.length !== shape[depth])
        throw new SampleFileError({
          path,
          reason: `variable "${name}" is ragged: a list of ${part.length} among lists of ${shape[depth]}`
        })
      for (const item of part) visit(item, depth + 1)
    } else if (
      depth === shape.length &&
      (typeof part === "number" || typeof part === "boolean" || part === null)
    )
      numbers.push(part === null ? NaN : Number(part))
    else
      throw new SampleFileError({
        path,
        reason: `variable "${name}" is not made of numbers in equally deep lists`
      })
  }
  visit(value, 0)
  return { shape, numbers: Float64Array.from(numbers) }
}

/** theta, theta[0], theta[0,1], ...: indices from 0, as ArviZ prints them. */
const elementNames = (name: string, shape: ReadonlyArray<number>): ReadonlyArray<string> => {
  const count = shape.reduce((product, n) => product * n, 1)
  return shape.length === 0
    ? [name]
    : Array.from({ length: count }, (_, flat) => {
        let rest = flat
        const indices = shape.toReversed().map((n) => {
          const index = rest % n
          rest = Math.floor(rest / n)
          return index
        })
        return `${name}[${indices.toReversed().join(",")}]`
      })
}

const groupOf = (value: unknown, path: string, group: string): Readonly<Record<string, Nested>> => {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new SampleFileError({ path, reason: `its group "${group}" is no record of variables` })
  return value as Readonly<Record<string, Nested>>
}

/**
 * Chains from an InferenceData object of ArviZ as JSON: the posterior's variables become coordinates in their order, scores come from the variable
 * `score` of sample_stats, [chain][draw][coordinate], and its other scalars become statistics. Throws `SampleFileError` and `ChainError`.
 */
export const chainsOfInferenceData = (text: string, path: string): Chains => {
  let parsed: unknown
  try {
    // Python writes NaN and Infinity, which JSON does not have.
    parsed = JSON.parse(text.replace(/(?<=[[,:]\s*)-?(NaN|Infinity)(?=\s*[\],}])/g, "null"))
  } catch (cause) {
    throw new SampleFileError({ path, reason: `it is no JSON: ${String(cause)}` })
  }
  const data = groupOf(parsed, path, "(file)") as Readonly<Record<string, unknown>>
  const posterior = groupOf(data.posterior, path, "posterior")
  const variables = Object.entries(posterior).map(([name, value]) => ({
    name,
    ...flatten(value, path, name)
  }))
  if (variables.length === 0) throw new SampleFileError({ path, reason: "its posterior has no variables" })
  const [chains, draws] = variables[0].shape
  for (const { name, shape } of variables)
    if (shape.length < 2)
      throw new SampleFileError({
        path,
        reason: `variable "${name}" has shape [${shape.join(", ")}]; variables are [chain][draw] and what is beyond`
      })
    else if (shape[0] !== chains || shape[1] !== draws)
      throw new SampleFileError({
        path,
        reason: `variable "${name}" has shape [${shape.join(", ")}]; all begin with [${chains}, ${draws}] chains and draws`
      })
  const widths = variables.map(({ numbers }) => numbers.length / (chains * draws))
  const dimensions = widths.reduce((sum, width) => sum + width, 0)
  const values = new Float64Array(chains * draws * dimensions)
  let offset = 0
  variables.forEach(({ numbers }, v) => {
    for (let row = 0; row < chains * draws; row++)
      for (let k = 0; k < widths[v]; k++) values[row * dimensions + offset + k] = numbers[row * widths[v] + k]
    offset += widths[v]
  })
  const statistics: Record<string, Float64Array> = {}
  let scores: Float64Array | undefined
  for (const [name, value] of Object.entries(groupOf(data.sample_stats ?? {}, path, "sample_stats"))) {
    const { shape, numbers } = flatten(value, path, name)
    if (name === "score") scores = numbers
    else if (shape.length === 2) statistics[name] = numbers
  }
  return checkedChains({
    chains,
    draws,
    dimensions,
    names: variables.flatMap(({ name, shape }) => elementNames(name, shape.slice(2))),
    values,
    scores,
    statistics
  })
}

const nested = (series: Float64Array, chains: number): Nested => {
  const draws = series.length / chains
  return Array.from({ length: chains }, (_, c) => Array.from(series.subarray(c * draws, (c + 1) * draws)))
}

/**
 * Chains, and the series f + Z a of a reduction beside them, named "f (control variate)", in the form that ArviZ's `from_json` reads: `JSON.stringify` it.
 *
 * @example
 * yield* fs.writeFileString("posterior.json", JSON.stringify(inferenceDataOf(chains, reduction)))
 */
export const inferenceDataOf = (chains: Chains, reduction?: Reduction): InferenceData => {
  const { dimensions, draws, scores, statistics } = chains
  const reduced = (reduction?.estimates ?? []).map(
    ({ name, series }) => [`${name} (control variate)`, nested(series, chains.chains)] as const
  )
  const score = scores === undefined ? [] : [["score", scores] as const]
  return {
    posterior: Object.fromEntries([
      ...chains.names.map((name, i) => [name, nested(column(chains, i), chains.chains)] as const),
      ...reduced
    ]),
    sample_stats: Object.fromEntries([
      ...Object.entries(statistics).map(
        ([name, series]) =>
          [
            name,
            name === "diverging"
              ? Array.from({ length: chains.chains }, (_, c) =>
                  Array.from(series.subarray(c * draws, (c + 1) * draws), (value) => value !== 0)
                )
              : nested(series, chains.chains)
          ] as const
      ),
      ...score.map(
        ([name, all]) =>
          [
            name,
            Array.from({ length: chains.chains }, (_, c) =>
              Array.from({ length: draws }, (_, t) => {
                const at = (c * draws + t) * dimensions
                return Array.from(all.subarray(at, at + dimensions))
              })
            )
          ] as const
      )
    ])
  }
}
