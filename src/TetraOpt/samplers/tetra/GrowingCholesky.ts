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

  /** v becomes L^-1 v, rows `from` to `to` of it, given those before. Four rows at once: each entry of v is read once for all. */
  solveLower(v: Float64Array, from: number, to: number): void {
    const packed = this.#packed
    let i = from
    let first = (i * (i + 1)) / 2
    for (; i + 3 < to; i += 4) {
      const second = first + i + 1
      const third = second + i + 2
      const fourth = third + i + 3
      let [a, b, c, d] = [v[i], v[i + 1], v[i + 2], v[i + 3]]
      for (let j = 0; j < i; j++) {
        const x = v[j]
        a -= packed[first + j] * x
        b -= packed[second + j] * x
        c -= packed[third + j] * x
        d -= packed[fourth + j] * x
      }
      a /= packed[first + i]
      b = (b - packed[second + i] * a) / packed[second + i + 1]
      c = (c - packed[third + i] * a - packed[third + i + 1] * b) / packed[third + i + 2]
      d -= packed[fourth + i] * a + packed[fourth + i + 1] * b + packed[fourth + i + 2] * c
      v[i] = a
      v[i + 1] = b
      v[i + 2] = c
      v[i + 3] = d / packed[fourth + i + 3]
      first = fourth + i + 4
    }
    for (; i < to; first += ++i) v[i] = (v[i] - dot(packed, first, v, i)) / packed[first + i]
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
