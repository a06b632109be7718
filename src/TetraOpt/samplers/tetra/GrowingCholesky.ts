/** a[from ..] . b[0 .. count]; two sums at once, since one would wait for itself. */
export const dot = (a: Float64Array, from: number, b: Float64Array, count: number): number => {
  let even = 0
  let odd = 0
  const end = count - 1
  let i = 0
  for (; i < end; i += 2) {
    even += a[from + i] * b[i]
    odd += a[from + i + 1] * b[i + 1]
  }
  return i < count ? even + odd + a[from + i] * b[i] : even + odd
}

/** The factor L of a positive definite matrix L L^T that grows by a row at a time and can shrink again; rows packed one after the other. */
export class GrowingCholesky {
  #packed = new Float64Array(64)
  size = 0

  /** Takes a matrix's next row, without its diagonal, and the diagonal. A pivot that rounding made too small is raised. O(size^2). */
  append(row: Float64Array, diagonal: number): void {
    const n = this.size
    const start = (n * (n + 1)) / 2
    if (start + n + 1 > this.#packed.length) {
      const larger = new Float64Array(2 * (start + n + 1))
      larger.set(this.#packed.subarray(0, start))
      this.#packed = larger
    }
    const solved = row.slice(0, n)
    this.solveLower(solved, 0, n)
    this.#packed.set(solved, start)
    this.#packed[start + n] = Math.sqrt(Math.max(1e-10 * diagonal, diagonal - dot(solved, 0, solved, n)))
    this.size++
  }

  /** Forgets all rows from the given one on. */
  truncate(size: number): void {
    this.size = Math.min(this.size, size)
  }

  /** v becomes L^-1 v, rows `from` to `to` of it, given those before. */
  solveLower(v: Float64Array, from: number, to: number): void {
    const packed = this.#packed
    for (let i = from, start = (i * (i + 1)) / 2; i < to; start += ++i)
      v[i] = (v[i] - dot(packed, start, v, i)) / packed[start + i]
  }

  /** v becomes L^-T v, of as many rows of L as v has. */
  solveUpper(v: Float64Array): void {
    const packed = this.#packed
    for (let i = v.length - 1, start = (i * (i + 1)) / 2; i >= 0; start -= i--) {
      const value = (v[i] /= packed[start + i])
      for (let j = 0; j < i; j++) v[j] -= packed[start + j] * value
    }
  }

  /** ln det L */
  get logDeterminant(): number {
    let sum = 0
    for (let i = 0, at = 0; i < this.size; i++, at += i + 1) sum += Math.log(this.#packed[at])
    return sum
  }

  /** The lower half of (L L^T)^-1, packed likewise. O(size^3). */
  inverse(): Float64Array {
    const n = this.size
    const result = new Float64Array((n * (n + 1)) / 2)
    const column = new Float64Array(n)
    // Column j of L^-1 by rows j ..; the sum over rows k of L^-1[k, i] L^-1[k, j] builds up by rows of L^-1.
    const inverted = new Float64Array(result.length)
    for (let i = 0, start = 0; i < n; start += ++i) {
      column.fill(0, 0, i)
      for (let k = 0, at = 0; k < i; at += ++k) {
        const factor = this.#packed[start + k]
        for (let j = 0; j <= k; j++) column[j] -= factor * inverted[at + j]
      }
      const pivot = this.#packed[start + i]
      for (let j = 0; j < i; j++) inverted[start + j] = column[j] / pivot
      inverted[start + i] = 1 / pivot
    }
    for (let k = 0, start = 0; k < n; start += ++k)
      for (let i = 0, at = 0; i <= k; at += ++i) {
        const factor = inverted[start + i]
        for (let j = 0; j <= i; j++) result[at + j] += factor * inverted[start + j]
      }
    return result
  }
}
