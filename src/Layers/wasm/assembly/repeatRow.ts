// out[i, c] = row[c] for i < rows, c < width; step elements from one row of out to the next

import { copyBytes } from "./copy"

export function repeatRow_32(row: usize, out: usize, rows: i32, width: i32, step: i32): void {
  const bytes = <usize>width * 4
  for (let i = 0; i < rows; i++, out += <usize>step * 4) copyBytes(row, out, bytes)
}

export function repeatRow_64(row: usize, out: usize, rows: i32, width: i32, step: i32): void {
  const bytes = <usize>width * 8
  for (let i = 0; i < rows; i++, out += <usize>step * 8) copyBytes(row, out, bytes)
}
