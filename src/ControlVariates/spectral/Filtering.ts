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
  const [a, b] = filter.taps
  for (let row = 0; row < rows; row++) {
    let source = x.subarray(row * stride, row * stride + end)
    let valid = begin
    filter.boxes.forEach((box, index) => {
      const sums = spare[index % 2]
      let sum = 0
      for (let t = valid; t < valid + box - 1; t++) sum += source[t]
      for (let t = valid + box - 1; t < end; t++) {
        sum += source[t]
        sums[t] = sum
        sum -= source[t - box + 1]
      }
      valid += box - 1
      source = sums
    })
    const to = row * length - halo
    if (b === 0) for (let t = halo; t < end; t++) y[to + t] = a * source[t]
    else for (let t = halo; t < end; t++) y[to + t] = a * source[t] + b * source[t - 1]
  }
}
