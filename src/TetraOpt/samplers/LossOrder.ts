/** Indices from the lowest loss to the highest, of equal ones the earlier first; NaN counts as a failure. */
export const lossOrder = (losses: ArrayLike<number>): Uint32Array => {
  const known = Float64Array.from(losses, (loss) => (Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss))
  return Uint32Array.from(known, (_, i) => i).toSorted((a, b) =>
    known[a] < known[b] ? -1 : known[a] > known[b] ? 1 : a - b
  )
}
