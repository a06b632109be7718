import { Effect, FileSystem } from "effect"
import { type Chains, checkedChains } from "../Chains.ts"
import { attempt, type ChainError, SampleFileError } from "../Errors.ts"
import { chainsOfInferenceData } from "./InferenceData.ts"
import { decodeNpy } from "./Npy.ts"
import { chainsOfCsv, type PlainOptions } from "./PlainCsv.ts"
import { chainsOfStan, type NamedText } from "./StanCsv.ts"

export interface ReadOptions extends PlainOptions {
  /** Scores in a file of their own, of the samples' shape: CSV beside CSV, .npy beside .npy. */
  readonly scores?: string | undefined
}

type Read<A> = Effect.Effect<A, SampleFileError, FileSystem.FileSystem>

const unreadable = (path: string) =>
  Effect.mapError(
    (cause: { readonly message: string }) => new SampleFileError({ path, reason: cause.message })
  )

const textOf = (path: string): Read<NamedText> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.readFileString(path).pipe(
      Effect.map((text) => ({ path, text })),
      unreadable(path)
    )
  )

const bytesOf = (path: string): Read<Uint8Array> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(path).pipe(unreadable(path)))

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
  const dimensions = shape.length === 1 ? 1 : shape[shape.length - 1]
  const other = scores === undefined ? undefined : decodeNpy(scores[1], scores[0])
  if (scores !== undefined && other?.shape.join() !== shape.join())
    throw new SampleFileError({
      path: scores[0],
      reason: `scores of shape (${other?.shape.join(", ")}), and samples of shape (${shape.join(", ")})`
    })
  return checkedChains({
    chains,
    draws: values.length / dimensions / chains,
    dimensions,
    values,
    scores: other?.values
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
    const [first] = paths
    if (first === undefined)
      return yield* new SampleFileError({ path: "(no file)", reason: "at least one is needed" })
    if (first.endsWith(".npy")) {
      const bytes = yield* bytesOf(first)
      const scores =
        options.scores === undefined ? undefined : ([options.scores, yield* bytesOf(options.scores)] as const)
      return yield* run(() => chainsOfNpy(first, bytes, scores, options.chains))
    }
    const texts = yield* Effect.forEach(paths, textOf)
    if (first.endsWith(".json")) return yield* run(() => chainsOfInferenceData(texts[0].text, first))
    if (paths.length > 1 || /^lp__,/m.test(texts[0].text.slice(0, 1 << 20)))
      return yield* run(() => chainsOfStan(texts))
    const scores = options.scores === undefined ? undefined : yield* textOf(options.scores)
    return yield* run(() => chainsOfCsv(texts[0], scores, options))
  })
