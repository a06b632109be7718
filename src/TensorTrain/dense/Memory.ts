import { ShapeError } from "../../Tensor/index.ts"

/** Arrays up to so many numbers (1 GiB) are not doubted. */
const usual = 2 ** 27

/** Memory is only set aside here; it is taken when it is written to. */
const fits = (size: number): boolean => {
  if (size <= usual) return true
  try {
    return new Float64Array(size).length === size
  } catch {
    return false
  }
}

/** Refuses, as a `ShapeError` that says what needs less, an array that memory cannot hold. */
export const requireMemory = (operation: string, shape: ReadonlyArray<number>, remedy: string): void => {
  const size = shape.reduce((all, each) => all * each, 1)
  if (fits(size)) return
  const gibibytes = (size * Float64Array.BYTES_PER_ELEMENT) / 2 ** 30
  throw new ShapeError({
    operation,
    reason: `${size.toPrecision(3)} numbers, ${gibibytes.toPrecision(3)} GiB, do not fit in memory; ${remedy}`,
    shapes: [shape]
  })
}
