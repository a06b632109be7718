/** Some rows of a matrix, and every row as a combination of them. */
export interface RowBasis {
  /** Which rows, at least as many as columns. */
  readonly rows: Int32Array
  /** B [n, rows] with A = B A[rows]. */
  readonly coefficients: Float64Array
}

export interface MaximumVolumeOptions {
  /** Rows are exchanged until no coefficient is larger; default 1.05. */
  readonly tolerance?: number | undefined
  /** Exchanges at most; default 100. */
  readonly exchanges?: number | undefined
}

/**
 * Rows of A [n, r], n >= r, of full column rank, whose determinant is large: no exchange of one row raises it by more than
 * `tolerance` (Goreinov, Oseledets, Savostyanov, Tyrtyshnikov, Zamarashkin, "How to find a good submatrix", 2010). Starts from
 * the rows that elimination with pivoting finds. undefined where the columns depend on each other.
 */
export const maximumVolume = (
  a: Float64Array,
  n: number,
  r: number,
  { tolerance = 1.05, exchanges = 100 }: MaximumVolumeOptions = {}
): RowBasis | undefined => {
  const start = eliminated(a, n, r)
  if (start === undefined) return undefined
  const { rows, coefficients } = start
  for (let exchange = 0; exchange < exchanges; exchange++) {
    let at = 0
    for (let e = 1; e < n * r; e++) if (Math.abs(coefficients[e]) > Math.abs(coefficients[at])) at = e
    if (!(Math.abs(coefficients[at]) > tolerance)) break
    const [row, column] = [Math.floor(at / r), at % r]
    rows[column] = row
    replaceRow(coefficients, n, r, row, column)
  }
  return { rows, coefficients }
}

// B -= B[:, column] (B[row, :] - e_column) / B[row, column]
const replaceRow = (b: Float64Array, n: number, r: number, row: number, column: number): void => {
  const pivot = b[row * r + column]
  const change = b.slice(row * r, (row + 1) * r)
  change[column] -= 1
  for (let j = 0; j < r; j++) change[j] /= pivot
  for (let i = 0; i < n; i++) {
    const factor = b[i * r + column]
    if (factor === 0) continue
    for (let j = 0; j < r; j++) b[i * r + j] -= factor * change[j]
  }
}

/** Column operations that turn r rows of A, chosen by the largest pivot, into the identity: what is left is A inv(A[rows]). */
const eliminated = (a: Float64Array, n: number, r: number): RowBasis | undefined => {
  const b = a.slice(0, n * r)
  const rows = new Int32Array(r)
  for (let column = 0; column < r; column++) {
    let pivotRow = 0
    for (let i = 1; i < n; i++)
      if (Math.abs(b[i * r + column]) > Math.abs(b[pivotRow * r + column])) pivotRow = i
    const pivot = b[pivotRow * r + column]
    if (!(Math.abs(pivot) > 0)) return undefined
    rows[column] = pivotRow
    const ofPivot = b.slice(pivotRow * r, (pivotRow + 1) * r)
    for (let i = 0; i < n; i++) {
      const value = b[i * r + column] / pivot
      if (value !== 0) for (let j = 0; j < r; j++) if (j !== column) b[i * r + j] -= value * ofPivot[j]
      b[i * r + column] = value
    }
  }
  return { rows, coefficients: b }
}

/**
 * Up to `extra` rows more than columns, each the one that the others span worst, while such a row's coefficients are longer
 * than `threshold` (rectangular maxvol: Mikhalev and Oseledets, "Rectangular maximum-volume submatrices and their
 * applications", 2018).
 */
export const rectangularMaximumVolume = (
  a: Float64Array,
  n: number,
  r: number,
  extra: number,
  threshold = 1,
  options: MaximumVolumeOptions = {}
): RowBasis | undefined => {
  const square = maximumVolume(a, n, r, options)
  if (square === undefined) return undefined
  const most = Math.min(n, r + extra)
  // b: [n, most], of which the first rows.length columns are in use
  const b = new Float64Array(n * most)
  for (let i = 0; i < n; i++) b.set(square.coefficients.subarray(i * r, (i + 1) * r), i * most)
  const lengths = new Float64Array(n)
  for (let i = 0; i < n; i++) for (let j = 0; j < r; j++) lengths[i] += b[i * most + j] ** 2
  const rows = Array.from(square.rows)
  for (const row of rows) lengths[row] = -1
  const along = new Float64Array(n)
  while (rows.length < most) {
    const row = longest(lengths)
    if (!(lengths[row] > threshold ** 2)) break
    addRow(b, n, most, rows.length, row, along)
    const share = 1 / (1 + lengths[row])
    for (let i = 0; i < n; i++)
      if (lengths[i] >= 0) lengths[i] = Math.max(0, lengths[i] - share * along[i] ** 2)
    lengths[row] = -1
    rows.push(row)
  }
  return { rows: Int32Array.from(rows), coefficients: firstColumns(b, n, most, rows.length) }
}

const longest = (lengths: Float64Array): number => {
  let best = 0
  for (let i = 1; i < lengths.length; i++) if (lengths[i] > lengths[best]) best = i
  return best
}

// With v = B B[row]ᵀ and l = 1 / (1 + |B[row]|²): B -= l v B[row], and l v becomes a new column. `along` receives v.
const addRow = (
  b: Float64Array,
  n: number,
  stride: number,
  used: number,
  row: number,
  along: Float64Array
): void => {
  const chosen = b.slice(row * stride, row * stride + used)
  let length = 0
  for (let j = 0; j < used; j++) length += chosen[j] ** 2
  const factor = 1 / (1 + length)
  for (let i = 0; i < n; i++) {
    let v = 0
    for (let j = 0; j < used; j++) v += b[i * stride + j] * chosen[j]
    along[i] = v
    for (let j = 0; j < used; j++) b[i * stride + j] -= factor * v * chosen[j]
    b[i * stride + used] = factor * v
  }
}

const firstColumns = (b: Float64Array, n: number, stride: number, used: number): Float64Array => {
  if (used === stride) return b
  const result = new Float64Array(n * used)
  for (let i = 0; i < n; i++) result.set(b.subarray(i * stride, i * stride + used), i * used)
  return result
}
