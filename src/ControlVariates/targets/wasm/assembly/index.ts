// What regressions with two outcomes spend their time on, in float64.

import { sumLanes } from "../../../../Layers/wasm/assembly/lanes"
import { addGroups, predictGroups } from "./groups"

export { logistic } from "./logistic"

// eta [groups, 12] = X theta
export function predict(groups: i32, columns: i32, x: usize, theta: usize, eta: usize): void {
  predictGroups(groups, columns, x, theta, eta)
}

// score [columns] = X' residual; sums: [columns, 2] of scratch
export function backproject(groups: i32, columns: i32, x: usize, residual: usize, sums: usize, score: usize): void {
  memory.fill(sums, 0, <usize>columns * 16)
  addGroups(groups, columns, x, residual, sums)
  for (let j: usize = 0; j < <usize>columns; j++) store<f64>(score + 8 * j, sumLanes<f64>(v128.load(sums + 16 * j)))
}

// Where the memory begins that is not the module's own
export function begin(): usize {
  return (__heap_base + 63) & ~63
}
