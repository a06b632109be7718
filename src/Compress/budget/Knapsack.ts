/** One way to store a thing: what it takes and what it costs. */
export interface Option {
  readonly size: number
  /** At least 0. */
  readonly cost: number
}

export interface Selection {
  /** The option of each thing, by its place. */
  readonly chosen: ReadonlyArray<number>
  readonly cost: number
  readonly size: number
  /** No selection within the capacity costs less than this: the cost of the relaxed problem, where parts of options may be taken. */
  readonly lowerBound: number
}

/** Sizes are rounded up to this part of the capacity, so that a selection never exceeds it. */
const grain = 1 / 20_000

/**
 * One option of each thing, of least cost, that fit into the capacity together (the multiple-choice knapsack problem): by dynamic
 * programming over sizes rounded up to 1/20000 of the capacity. `lowerBound` certifies how much the rounding can have cost.
 * undefined where nothing fits.
 */
// things: [n][options of each]
export const selectWithin = (
  things: ReadonlyArray<ReadonlyArray<Option>>,
  capacity: number
): Selection | undefined => {
  const unit = Math.max(1, capacity * grain)
  const units = Math.floor(capacity / unit)
  // best[u]: least cost of the things so far within u units
  let best = new Float64Array(units + 1)
  const choices: Array<Int16Array> = []
  for (const options of things) {
    const next = new Float64Array(units + 1).fill(Number.POSITIVE_INFINITY)
    const choice = new Int16Array(units + 1).fill(-1)
    options.forEach(({ size, cost }, i) => {
      const taken = Math.ceil(size / unit)
      for (let u = taken; u <= units; u++) {
        const total = best[u - taken] + cost
        if (total < next[u]) {
          next[u] = total
          choice[u] = i
        }
      }
    })
    choices.push(choice)
    best = next
  }
  if (!Number.isFinite(best[units])) return undefined
  const chosen: Array<number> = []
  for (let i = things.length - 1, u = units; i >= 0; i--) {
    const option = choices[i][u]
    chosen.unshift(option)
    u -= Math.ceil(things[i][option].size / unit)
  }
  const total = (of: (option: Option) => number) =>
    things.reduce((sum, options, i) => sum + of(options[chosen[i]]), 0)
  return {
    chosen,
    cost: total(({ cost }) => cost),
    size: total(({ size }) => size),
    lowerBound: relaxedCost(things, capacity)
  }
}

/**
 * max over p >= 0 of sum over things of min (cost + p size) - p capacity: the Lagrangian bound, which is that of the linear
 * relaxation. Concave in the price p: found by golden section on its logarithm.
 */
const relaxedCost = (things: ReadonlyArray<ReadonlyArray<Option>>, capacity: number): number => {
  const bound = (price: number) =>
    things.reduce(
      (sum, options) => sum + Math.min(...options.map(({ size, cost }) => cost + price * size)),
      -price * capacity
    )
  const greatest = Math.max(...things.flat().map(({ cost }) => cost), 1)
  let [low, high] = [Math.log(1e-12 * (greatest / capacity)), Math.log(1e6 * greatest)]
  const golden = (Math.sqrt(5) - 1) / 2
  let most = Math.max(0, bound(0))
  for (let step = 0; step < 120; step++) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)]
    const [atA, atB] = [bound(Math.exp(a)), bound(Math.exp(b))]
    most = Math.max(most, atA, atB)
    if (atA < atB) low = a
    else high = b
  }
  return most
}
