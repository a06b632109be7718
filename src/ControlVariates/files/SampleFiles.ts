import { Effect, FileSystem } from "effect"
import { type Chains, checkedChains } from "../Chains.ts"
import { attempt, type ChainError, SampleFileError } from "../Errors.ts"
import { chainsOfInferenceData } from "./InferenceData.ts"
import { decodeNpy } from "./Npy.ts"
import { chainsOfCsv, type PlainOptions } from "./PlainCsv.ts"
import { chainsOfStan, type NamedText } from "./StanCsv.ts"
import { unreadable } from "./Unreadable.ts"

export interface ReadOptions extends PlainOptions {
  /** Scores in a file of their own, of the samples' shape: CSV beside CSV, .npy beside .npy; for several CSVs one each, or one for all. */
  readonly scores?: string | ReadonlyArray<string> | undefined
}

type Read<A> = Effect.Effect<A, SampleFileError, FileSystem.FileSystem>

const textOf = (path: string): Read<NamedText> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.readFileString(path).pipe(
      Effect.map((text) => ({ path, text })),
      Effect.mapError(unreadable(path))
    )
  )

const bytesOf = (path: string): Read<Uint8Array> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(path).pipe(Effect.mapError(unreadable(path))))

// [draws], [draws, dimensions] or [chains, draws, dimensions]
const chainsOfNpy = (
  path: string,
  bytes: Uint8Array,
  scores: readonly [string, Uint8Array] | undefined,
  asked: number | undefined
): Chains => {
  const samples = decodeNpy(bytes, path)
  const { shape, values } = samples
  if (shape.length < 1 || shape.length > 3)
    throw new SampleFileError({
      path,
      reason: `shape (${shape.join(", ")}); draws are [draws], [draws, dimensions] or [chains, draws, dimensions]`
    })
  const chains = shape.length === 3 ? shape[0] : (asked ?? 1)
  const draws = shape.length === 3 ? shape[1] : shape[0] / chains
  if (!Number.isInteger(draws))
    throw new SampleFileError({ path, reason: `${shape[0]} draws are not ${chains} equally long chains` })
  const dimensions = shape.length === 1 ? 1 : shape[shape.length - 1]
  const other = scores === undefined ? undefined : decodeNpy(scores[1], scores[0])
  if (scores !== undefined && other?.shape.join() !== shape.join())
    throw new SampleFileError({
      path: scores[0],
      reason: `scores of shape (${other?.shape.join(", ")}), and samples of shape (${shape.join(", ")})`
    })
  return checkedChains({
    chains,
    draws,
    dimensions,
    values,
    scores: other?.values
  })
}

const formOf = (path: string): ".npy" | ".json" | "CSV" =>
  path.endsWith(".npy") ? ".npy" : path.endsWith(".json") ? ".json" : "CSV"

/** Throws a `SampleFileError` for files that do not go together. */
const checkForms = (paths: ReadonlyArray<string>, scores: ReadonlyArray<string>): void => {
  const [first] = paths
  if (first === undefined) throw new SampleFileError({ path: "(no file)", reason: "at least one is needed" })
  const form = formOf(first)
  const twice = paths.find((path, k) => paths.indexOf(path) !== k)
  if (twice !== undefined)
    throw new SampleFileError({ path: twice, reason: "it is named twice: a chain counts once" })
  const other = [...paths, ...scores].find((path) => formOf(path) !== form)
  if (other !== undefined && form !== ".json")
    throw new SampleFileError({
      path: other,
      reason: `it is ${formOf(other)} beside ${form} (${first}); samples and scores are files of one form`
    })
  if (form !== "CSV" && paths.length > 1)
    throw new SampleFileError({
      path: paths[1],
      reason: `a second file; chains of ${form} are in one, ${form === ".npy" ? "an array [chains, draws, dimensions]" : "variables [chain][draw]"}`
    })
  if (form === ".json" && scores.length > 0)
    throw new SampleFileError({
      path: scores[0],
      reason: `scores beside InferenceData (${first}), which has them in sample_stats as "score", [chain][draw][coordinate]`
    })
}

/**
 * Chains from files: .npy, .json (ArviZ InferenceData), the CSVs of Stan (several: one a chain; recognised by lp__), or one plain CSV. Fails
 * with `SampleFileError` where a file cannot be read or is not what it should be, with `ChainError` where its numbers are no chains.
 *
 * @example
 * const chains = yield* readChains(["draws.npy"], { scores: "scores.npy" })
 */
export const readChains = (
  paths: ReadonlyArray<string>,
  options: ReadOptions = {}
): Effect.Effect<Chains, SampleFileError | ChainError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const run = attempt<SampleFileError | ChainError>()
    const { scores = [], chains: asked } = options
    const scorePaths = typeof scores === "string" ? [scores] : scores
    yield* run(() => checkForms(paths, scorePaths))
    const [first] = paths
    const read = Effect.gen(function* () {
      if (formOf(first) === ".npy") {
        if (scorePaths.length > 1)
          return yield* new SampleFileError({ path: scorePaths[1], reason: "a second file of scores" })
        const bytes = yield* bytesOf(first)
        const [beside] = scorePaths
        const other = beside === undefined ? undefined : ([beside, yield* bytesOf(beside)] as const)
        return yield* run(() => chainsOfNpy(first, bytes, other, asked))
      }
      const texts = yield* Effect.forEach(paths, textOf)
      const scoreTexts = yield* Effect.forEach(scorePaths, textOf)
      if (formOf(first) === ".json") return yield* run(() => chainsOfInferenceData(texts[0].text, first))
      if (paths.length > 1 || /^lp__,/m.test(texts[0].text.slice(0, 1 << 20)))
        return yield* run(() => chainsOfStan(texts, scoreTexts))
      if (scoreTexts.length > 1)
        return yield* new SampleFileError({
          path: scorePaths[1],
          reason: "a second file of scores for one of samples"
        })
      return yield* run(() => chainsOfCsv(texts[0], scoreTexts[0], options))
    })
    const chains = yield* read
    if (asked !== undefined && asked !== chains.chains)
      return yield* new SampleFileError({
        path: first,
        reason: `it has ${chains.chains} chain${chains.chains === 1 ? "" : "s"}, not ${asked}`
      })
    return chains
  })
