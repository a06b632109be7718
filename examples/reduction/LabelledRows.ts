import { Effect, FileSystem } from "effect"
import { parseTable, SampleFileError, unreadable } from "../../src/ControlVariates/index.ts"

/** Data of a regression with two outcomes. */
export interface LabelledRows {
  readonly name: string
  /** What the labels say. */
  readonly label: string
  readonly names: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<number>>
  /** 0 or 1. */
  readonly labels: ReadonlyArray<number>
}

const labelled = (text: string, path: string): LabelledRows => {
  const { names, rows, values, lines } = parseTable(text, path)
  const width = names.length
  const fail = (line: number | undefined, reason: string): never => {
    throw new SampleFileError({ path, ...(line === undefined ? {} : { line }), reason })
  }
  if (width < 2) fail(lines[0], `one column; rows have their inputs first and the label in the last column`)
  values.forEach((value, i) => {
    if (!Number.isFinite(value))
      fail(
        lines[Math.floor(i / width)],
        `${value} in column ${names[i % width]}: fill it in, or leave the row out`
      )
  })
  const found = Float64Array.from({ length: rows }, (_, i) => values[i * width + width - 1])
  const kinds: Array<number> = []
  found.forEach((label, i) => {
    if (kinds.includes(label)) return
    kinds.push(label)
    if (kinds.length > 2)
      fail(
        lines[i],
        `${label} in the last column, ${names[width - 1]}, after ${kinds[0]} and ${kinds[1]}: a label has two values`
      )
  })
  if (kinds.length < 2)
    fail(
      undefined,
      `its last column, ${names[width - 1]}, is ${kinds[0]} in all ${rows} rows: labels of one kind say nothing but the prior`
    )
  const one = Math.max(...kinds)
  return {
    name: path,
    label: `${names[width - 1]} = ${one}`,
    names: names.slice(0, -1),
    rows: Array.from({ length: rows }, (_, i) => [...values.subarray(i * width, (i + 1) * width - 1)]),
    labels: Array.from(found, (label) => (label === one ? 1 : 0))
  }
}

/**
 * Rows of a CSV whose last column is a label of two values, of which the larger one counts as 1. Fails with `SampleFileError`, which names file,
 * line and value.
 */
export const readLabelledRows = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(path).pipe(Effect.mapError(unreadable(path)))
  return yield* Effect.try({ try: () => labelled(text, path), catch: (cause) => cause }).pipe(
    Effect.catch((cause) => (cause instanceof SampleFileError ? Effect.fail(cause) : Effect.die(cause)))
  )
})
