// Products with a matrix whose rows lie in groups of 12, six vectors: x: [groups, columns, 12]. Six sums in flight keep the multipliers busy, and with what
// is loaded for them they fill the registers: where one more is needed, an engine keeps a sum in memory and waits for it each time.

import { multiplyAdd, zeros } from "../../../../Layers/wasm/assembly/lanes"

// Bytes of a group in a column
export const GROUP: usize = 96

// eta [groups, 12] = X theta
@inline
export function predictGroups(groups: i32, columns: i32, x: usize, theta: usize, eta: usize): void {
  for (let g = 0; g < groups; g++, eta += GROUP) {
    let a = zeros()
    let b = zeros()
    let c = zeros()
    let d = zeros()
    let e = zeros()
    let f = zeros()
    let at = theta
    for (let j = 0; j < columns; j++, x += GROUP, at += 8) {
      const t = v128.load64_splat(at)
      a = multiplyAdd<f64>(t, v128.load(x), a)
      b = multiplyAdd<f64>(t, v128.load(x, 16), b)
      c = multiplyAdd<f64>(t, v128.load(x, 32), c)
      d = multiplyAdd<f64>(t, v128.load(x, 48), d)
      e = multiplyAdd<f64>(t, v128.load(x, 64), e)
      f = multiplyAdd<f64>(t, v128.load(x, 80), f)
    }
    v128.store(eta, a)
    v128.store(eta, b, 16)
    v128.store(eta, c, 32)
    v128.store(eta, d, 48)
    v128.store(eta, e, 64)
    v128.store(eta, f, 80)
  }
}

// sum [2] += one column of a group times r, lane by lane
@inline
function addColumn(x: usize, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, sum: usize): void {
  let product = f64x2.mul(a, v128.load(x))
  product = multiplyAdd<f64>(b, v128.load(x + 16), product)
  product = multiplyAdd<f64>(c, v128.load(x + 32), product)
  product = multiplyAdd<f64>(d, v128.load(x + 48), product)
  product = multiplyAdd<f64>(e, v128.load(x + 64), product)
  product = multiplyAdd<f64>(f, v128.load(x + 80), product)
  v128.store(sum, f64x2.add(v128.load(sum), product))
}

// sums [columns, 2] += X' r for some groups, lane by lane; three columns a turn, as counting costs as much as half a column
@inline
export function addGroups(groups: i32, columns: i32, x: usize, r: usize, sums: usize): void {
  for (let g = 0; g < groups; g++, r += GROUP) {
    const a = v128.load(r)
    const b = v128.load(r, 16)
    const c = v128.load(r, 32)
    const d = v128.load(r, 48)
    const e = v128.load(r, 64)
    const f = v128.load(r, 80)
    let at = sums
    let left = columns
    for (; left >= 3; left -= 3, x += 3 * GROUP, at += 48) {
      addColumn(x, a, b, c, d, e, f, at)
      addColumn(x + GROUP, a, b, c, d, e, f, at + 16)
      addColumn(x + 2 * GROUP, a, b, c, d, e, f, at + 32)
    }
    for (; left > 0; left--, x += GROUP, at += 16) addColumn(x, a, b, c, d, e, f, at)
  }
}
