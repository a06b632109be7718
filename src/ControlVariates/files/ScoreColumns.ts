import { SampleFileError } from "../Errors.ts"
import type { NumericTable } from "./NumericTable.ts"

/** Columns that say which draw a row is. */
export const isIndexColumn = (name: string): boolean => /^\.?(chain|draw|iteration)$/i.test(name)

/**
 * The columns of a table of scores in the order of the coordinates, each given by the names that it may have: by name where the table has them, by place where it has none of
 * them. Throws a `SampleFileError` where there are more or fewer, or only some are known by name.
 */
export const scoreColumns = (
  { names }: NumericTable,
  path: string,
  coordinates: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<number> => {
  const all = names.flatMap((name, k) => (isIndexColumn(name) ? [] : [k]))
  if (all.length !== coordinates.length)
    throw new SampleFileError({
      path,
      reason: `scores of ${all.length} coordinates, and samples of ${coordinates.length}`
    })
  const named = coordinates.map((known) => names.findIndex((name) => known.includes(name)))
  if (named.every((k) => k >= 0)) return named
  const absent = coordinates.filter((_, i) => named[i] < 0)
  if (absent.length < coordinates.length)
    throw new SampleFileError({
      path,
      reason: `it has no scores of ${absent.map(([name]) => name).join(", ")}; its columns are ${names.join(", ")}: name them as in the samples, or leave the names out to match them by place`
    })
  return all
}
