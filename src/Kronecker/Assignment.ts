/** A perfect matching of rows to columns of least cost, with the dual prices that prove it. */
export interface Assignment {
  /** Which column each row got. */
  readonly columnOf: Int32Array
  /** rowPrices[i] + columnPrices[j] <= cost[i, j], with equality where row i got column j. */
  readonly rowPrices: Float64Array
  readonly columnPrices: Float64Array
  /** The sum of the matched costs. */
  readonly cost: number
}

type Numbers = Float32Array | Float64Array

interface Matching {
  readonly cost: Numbers
  readonly n: number
  readonly columnOf: Int32Array
  readonly rowOf: Int32Array
  readonly prices: Float64Array
}

const free = -1
const auctionRounds = 6
const auctionFactor = 5

/**
 * Solves the dense linear assignment problem, the one-to-one matching of n rows to n columns of least total cost, by
 * an auction for good prices, then augmenting row reduction and shortest augmenting paths (Jonker and Volgenant, "A Shortest
 * Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems", Computing 38, 1987); O(n³) at worst.
 *
 * `cost` is [n, n], row-major, and finite.
 *
 * @example
 *   linearAssignment(Float64Array.of(4, 1, 3, 2, 0, 5, 3, 2, 2), 3).columnOf // [1, 0, 2]
 */
export const linearAssignment = (cost: Numbers, n: number): Assignment => {
  const matching: Matching = {
    cost,
    n,
    columnOf: new Int32Array(n).fill(free),
    rowOf: new Int32Array(n).fill(free),
    prices: new Float64Array(n)
  }
  auction(matching)
  let unmatched = matchCheapest(matching)
  for (let pass = 0; pass < 2 && unmatched.length > 0; pass++) unmatched = reduceRows(matching, unmatched)
  augment(matching, unmatched)
  const rowPrices = new Float64Array(n)
  let total = 0
  for (let i = 0; i < n; i++) {
    const j = matching.columnOf[i]
    rowPrices[i] = cost[i * n + j] - matching.prices[j]
    total += cost[i * n + j]
  }
  return { columnOf: matching.columnOf, rowPrices, columnPrices: matching.prices, cost: total }
}

// Prices by an auction with falling minimum bids: rows bid for columns, a lost column's row bids again, until all rows
// are placed within `bid` of their best; the placement is thrown away and the prices kept (Bertsekas, "The Auction
// Algorithm", Annals of Operations Research 14, 1988). Without it, cost matrices of low rank take O(n³) below.
const auction = ({ cost, n, columnOf, rowOf, prices }: Matching): void => {
  let low = Infinity
  let high = -Infinity
  for (let e = 0; e < n * n; e++) {
    if (cost[e] < low) low = cost[e]
    if (cost[e] > high) high = cost[e]
  }
  let bid = high - low
  for (let round = 0; round < auctionRounds && bid > 0; round++) {
    bid /= auctionFactor
    columnOf.fill(free)
    rowOf.fill(free)
    for (let first = 0; first < n; first++) {
      let i = first
      while (i !== free) {
        let best = 0
        let least = Infinity
        let next = Infinity
        for (let j = 0, e = i * n; j < n; j++, e++) {
          const reduced = cost[e] - prices[j]
          if (reduced < next) {
            if (reduced < least) {
              next = least
              least = reduced
              best = j
            } else next = reduced
          }
        }
        prices[best] -= (n > 1 ? next - least : 0) + bid
        const loser = rowOf[best]
        rowOf[best] = i
        i = loser
      }
    }
  }
  rowOf.fill(free)
}

// Each row takes its cheapest column at the present prices, where that is still free; returns the other rows.
const matchCheapest = ({ cost, n, columnOf, rowOf, prices }: Matching): Array<number> => {
  const unmatched: Array<number> = []
  for (let i = 0; i < n; i++) {
    let best = 0
    let least = Infinity
    for (let j = 0, e = i * n; j < n; j++, e++) {
      const reduced = cost[e] - prices[j]
      if (reduced < least) {
        least = reduced
        best = j
      }
    }
    if (rowOf[best] === free) {
      rowOf[best] = i
      columnOf[i] = best
    } else {
      columnOf[i] = free
      unmatched.push(i)
    }
  }
  return unmatched
}

// Each unmatched row bids for its best column up to the second best, as in an auction; the row that loses the column
// bids next. Returns the rows that are left. The bids are limited: near-ties would make very many very small ones.
const reduceRows = (
  { cost, n, columnOf, rowOf, prices }: Matching,
  unmatched: ReadonlyArray<number>
): Array<number> => {
  const left: Array<number> = []
  let bids = 4 * n
  for (const first of unmatched) {
    let i = first
    while (i !== free) {
      let best = 0
      let second = -1
      let least = Infinity
      let next = Infinity
      for (let j = 0, e = i * n; j < n; j++, e++) {
        const reduced = cost[e] - prices[j]
        if (reduced < next) {
          if (reduced < least) {
            next = least
            second = best
            least = reduced
            best = j
          } else {
            next = reduced
            second = j
          }
        }
      }
      const lowered = prices[best] - (next - least)
      const strict = n > 1 && lowered < prices[best]
      if (strict) prices[best] = lowered
      else if (n > 1 && rowOf[best] !== free) best = second
      const loser = rowOf[best]
      columnOf[i] = best
      rowOf[best] = i
      if (loser !== free) columnOf[loser] = free
      if (loser !== free && !(strict && bids-- > 0)) {
        left.push(loser)
        break
      }
      i = loser
    }
  }
  return left
}

// For each unmatched row a shortest path, in reduced costs, to a free column (Dijkstra), along which rows change columns.
const augment = ({ cost, n, columnOf, rowOf, prices }: Matching, unmatched: ReadonlyArray<number>): void => {
  const distance = new Float64Array(n)
  const predecessor = new Int32Array(n)
  // The columns in three runs: [0, scanned) done, [scanned, reached) at the present distance, the rest farther away.
  const columns = new Int32Array(n)
  for (const start of unmatched) {
    for (let j = 0, e = start * n; j < n; j++, e++) {
      distance[j] = cost[e] - prices[j]
      predecessor[j] = start
      columns[j] = j
    }
    let scanned = 0
    let reached = 0
    let done = 0
    let minimum = 0
    let end = free
    while (end === free) {
      if (scanned === reached) {
        done = scanned
        minimum = Infinity
        for (let k = reached; k < n; k++) {
          const j = columns[k]
          if (distance[j] <= minimum) {
            if (distance[j] < minimum) {
              reached = scanned
              minimum = distance[j]
            }
            columns[k] = columns[reached]
            columns[reached++] = j
          }
        }
        for (let k = scanned; k < reached && end === free; k++)
          if (rowOf[columns[k]] === free) end = columns[k]
        if (end !== free) break
      }
      const via = columns[scanned++]
      const i = rowOf[via]
      const offset = minimum - (cost[i * n + via] - prices[via])
      for (let k = reached; k < n; k++) {
        const j = columns[k]
        const length = cost[i * n + j] - prices[j] + offset
        if (length < distance[j]) {
          distance[j] = length
          predecessor[j] = i
          if (length <= minimum) {
            if (rowOf[j] === free) {
              end = j
              break
            }
            columns[k] = columns[reached]
            columns[reached++] = j
          }
        }
      }
    }
    for (let k = 0; k < done; k++) prices[columns[k]] += distance[columns[k]] - minimum
    let j = end
    for (;;) {
      const i = predecessor[j]
      rowOf[j] = i
      const previous = columnOf[i]
      columnOf[i] = j
      if (i === start) break
      j = previous
    }
  }
}
