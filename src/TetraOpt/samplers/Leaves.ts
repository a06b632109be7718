import type { SearchRows } from "../Space.ts"

/**
 * All canonical rows that are allowed, [count, d], in lexicographic order; undefined where a parameter is continuous or where there
 * are more than `most`, constraints left aside.
 */
export const leaves = (space: SearchRows, most: number): Float64Array | undefined => {
  const d = space.dimensions.length
  const row = new Float64Array(d)
  const found: Array<number> = []
  let count = 0
  const visit = (k: number): boolean => {
    if (k === d) {
      if (++count > most) return false
      if (space.isAllowed(row)) for (const u of row) found.push(u)
      return true
    }
    if (!space.isActive(row, k)) {
      row[k] = Number.NaN
      return visit(k + 1)
    }
    const { levels } = space.dimensions[k]
    if (levels === 0 || levels > most) return false
    for (let level = 0; level < levels; level++) {
      row[k] = level
      if (!visit(k + 1)) return false
    }
    return true
  }
  return visit(0) ? Float64Array.from(found) : undefined
}
