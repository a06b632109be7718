import { type Filter, reachOf } from "./Window.ts"

/**
 * Runs each row of x through a filter. x: [rows, stride], of which the first `halo` columns are the past (at least the filter's
 * reach) and the next `length` the present; y: [rows, length]. `spare` and `other` hold a row each.
 */
export const filterRows = (
  filter: Filter,
  x: Float64Array,
  rows: number,
  stride: number,
  halo: number,
  length: number,
  y: Float64Array,
  spare: readonly [Float64Array, Float64Array]
): void => {
  const begin = halo - reachOf(filter)
  const end = halo + length
  const { boxes } = filter
  const [a, b] = filter.taps
  const isPlain = a === 1 && b === 0
  for (let row = 0; row < rows; row++) {
    const to = row * length - halo
    let source = x
    let from = row * stride
    let valid = begin
    for (let k = 0; k < boxes.length; k++) {
      const box = boxes[k]
      const isLast = isPlain && k === boxes.length - 1
      const sums = isLast ? y : spare[k % 2]
      const shift = isLast ? to : 0
      let sum = 0
      for (let t = valid; t < valid + box; t++) sum += source[from + t]
      valid += box - 1
      sums[shift + valid] = sum
      // The difference first: it waits for nothing.
      for (let t = valid + 1; t < end; t++) {
        sum += source[from + t] - source[from + t - box]
        sums[shift + t] = sum
      }
      source = sums
      from = shift
    }
    if (isPlain && boxes.length > 0) continue
    if (b === 0) for (let t = halo; t < end; t++) y[to + t] = a * source[from + t]
    else for (let t = halo; t < end; t++) y[to + t] = a * source[from + t] + b * source[from + t - 1]
  }
}
