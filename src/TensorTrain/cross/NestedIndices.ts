/** The index rows of one core's block: every prefix with every value of the mode and every suffix. */
export interface CrossBlock {
  readonly prefixes: number
  readonly suffixes: number
  /** The mode, its size, and the number of modes. */
  readonly mode: number
  readonly size: number
  readonly dimensions: number
  /** [prefixes, n_k, suffixes, d] */
  readonly indices: Int32Array
}

// left: [prefixes, k], right: [suffixes, d - k - 1]
export const crossBlock = (
  left: Int32Array,
  right: Int32Array,
  modes: ReadonlyArray<number>,
  mode: number
): CrossBlock => {
  const dimensions = modes.length
  const size = modes[mode]
  const after = dimensions - mode - 1
  const prefixes = mode === 0 ? 1 : left.length / mode
  const suffixes = after === 0 ? 1 : right.length / after
  const indices = new Int32Array(prefixes * size * suffixes * dimensions)
  let at = 0
  for (let p = 0; p < prefixes; p++)
    for (let i = 0; i < size; i++)
      for (let s = 0; s < suffixes; s++) {
        for (let j = 0; j < mode; j++) indices[at++] = left[p * mode + j]
        indices[at++] = i
        for (let j = 0; j < after; j++) indices[at++] = right[s * after + j]
      }
  return { prefixes, suffixes, mode, size, dimensions, indices }
}

/** The prefixes over one mode more that rows [prefixes, n_k] of a block stand for. */
export const prefixRows = (block: CrossBlock, rows: Int32Array): Int32Array => {
  const { suffixes, mode, dimensions, indices } = block
  const result = new Int32Array(rows.length * (mode + 1))
  rows.forEach((row, at) => {
    const from = row * suffixes * dimensions
    result.set(indices.subarray(from, from + mode + 1), at * (mode + 1))
  })
  return result
}

/** The suffixes over one mode more that columns [n_k, suffixes] of a block stand for. */
export const suffixRows = (block: CrossBlock, columns: Int32Array): Int32Array => {
  const { mode, dimensions, indices } = block
  const width = dimensions - mode
  const result = new Int32Array(columns.length * width)
  columns.forEach((column, at) => {
    const from = column * dimensions + mode
    result.set(indices.subarray(from, from + width), at * width)
  })
  return result
}

/** Index rows [count, width] with one more, unless it is among them. */
export const appendRow = (rows: Int32Array, row: Int32Array, width: number): Int32Array => {
  for (let start = 0; start < rows.length; start += width) {
    let j = 0
    while (j < width && rows[start + j] === row[j]) j++
    if (j === width) return rows
  }
  const result = new Int32Array(rows.length + width)
  result.set(rows)
  result.set(row, rows.length)
  return result
}
