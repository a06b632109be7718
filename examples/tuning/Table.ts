import { Effect, FileSystem, Schema } from "effect"
import { parseJson } from "../../src/Model/JsonText.ts"

/** A file that is no table of results. */
export class TableFileError extends Schema.TaggedError<TableFileError>()("TableFileError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.path} ${this.reason}`
  }
}

const TableFile = Schema.Struct({
  goal: Schema.Literals(["minimize", "maximize"]),
  /** How many values each parameter has. */
  shape: Schema.NonEmptyArray(Schema.Int.check(Schema.isGreaterThan(0))),
  /** By setting, the last parameter fastest; null: it failed. */
  values: Schema.NonEmptyArray(Schema.NullOr(Schema.Finite)),
  optimum: Schema.optionalKey(Schema.Finite)
})

/** What was measured for every setting of some parameters, each of which has a few values. */
export interface Table {
  readonly name: string
  readonly goal: "minimize" | "maximize"
  readonly shape: ReadonlyArray<number>
  /** [product of the shape], the last parameter fastest; NaN where there is none. */
  readonly values: Float64Array
}

/** What Python's json and others write that is no JSON. */
const notANumber = /[[,:]\s*-?(NaN|Infinity)\b/
const remedy = "a setting that failed is written null, not NaN or Infinity"

const largestFile = 512 * 1024 * 1024
const limits = { depth: 16, values: 50_000_000 }

/** The table of a JSON file {goal, shape, values}. Fails with `TableFileError`, which names the file and what is wrong with it. */
export const readTable = Effect.fn("readTable")(function* (path: string) {
  const fail = (reason: string) => new TableFileError({ path, reason })
  const files = yield* FileSystem.FileSystem
  const { type, size } = yield* files
    .stat(path)
    .pipe(Effect.mapError((error) => fail(`cannot be opened: ${error.reason.message}`)))
  if (type !== "File") return yield* fail(`is not a file but of type ${type}`)
  if (size > largestFile) return yield* fail(`has ${size} bytes; a table may have ${largestFile}`)
  const text = yield* files
    .readFileString(path)
    .pipe(Effect.mapError((error) => fail(`cannot be read: ${error.reason.message}`)))
  const json = yield* Effect.fromResult(parseJson(text, limits)).pipe(
    Effect.mapError((reason) => fail(notANumber.test(text) ? `${reason}; ${remedy}` : reason))
  )
  const file = yield* Schema.decodeUnknownEffect(TableFile)(json).pipe(
    Effect.mapError((error) =>
      fail(`is no table {goal, shape, values}: ${error.message.split("\n").join(" ")}`)
    )
  )
  const settings = file.shape.reduce((product, size) => product * size, 1)
  if (settings !== file.values.length)
    return yield* fail(
      `has ${file.values.length} values, but its shape [${file.shape.join(", ")}] needs ${settings}`
    )
  const values = Float64Array.from(file.values, (value) => value ?? Number.NaN)
  if (values.every(Number.isNaN)) return yield* fail("has only failed settings")
  return { name: path, goal: file.goal, shape: file.shape, values } satisfies Table
})
