/** The best distinct points so far, best first. */
export interface ElitePool {
  readonly capacity: number
  readonly rows: Array<Float64Array>
  readonly losses: Array<number>
}

const capacity = 10

export const elitePool = (): ElitePool => ({ capacity, rows: [], losses: [] })

/** Points that are nearer than this in every coordinate are one. */
const sameWithin = 1e-6

const isSame = (a: Float64Array, b: Float64Array): boolean => {
  for (let k = 0; k < a.length; k++) if (!(Math.abs(a[k] - b[k]) <= sameWithin)) return false
  return true
}

/** Whether a point of this loss would be among the best. */
export const isElite = ({ losses, capacity }: ElitePool, loss: number): boolean =>
  losses.length < capacity ? loss < Number.POSITIVE_INFINITY : loss < losses[capacity - 1]

/** Puts a point among the best; of two that are the same the better one stays. */
export const admit = (pool: ElitePool, row: Float64Array, loss: number): void => {
  if (!isElite(pool, loss)) return
  const { rows, losses } = pool
  const same = rows.findIndex((other) => isSame(other, row))
  if (same >= 0) {
    if (losses[same] <= loss) return
    rows.splice(same, 1)
    losses.splice(same, 1)
  }
  let at = losses.findIndex((other) => other > loss)
  if (at < 0) at = losses.length
  rows.splice(at, 0, row.slice())
  losses.splice(at, 0, loss)
  if (losses.length > pool.capacity) {
    rows.pop()
    losses.pop()
  }
}

/** Puts all points of a pool among another's. */
export const admitAll = (pool: ElitePool, others: ElitePool): void => {
  for (const [i, row] of others.rows.entries()) admit(pool, row, others.losses[i])
}
