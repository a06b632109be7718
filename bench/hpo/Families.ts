import type { Table } from "../../examples/tuning/Table.ts"
import { fold, type Key, type Stream, stream } from "../../src/Random/index.ts"

/** Losses of all settings of a shape, the last parameter fastest. */
const tableOf = (shape: ReadonlyArray<number>, lossOf: (levels: ReadonlyArray<number>) => number): Table => {
  const levels = shape.map(() => 0)
  const values = Float64Array.from(
    { length: shape.reduce((product, size) => product * size, 1) },
    (_, index) => {
      let rest = index
      for (let k = shape.length - 1; k >= 0; k--) {
        levels[k] = rest % shape[k]
        rest = Math.floor(rest / shape[k])
      }
      return lossOf(levels)
    }
  )
  return { name: "", goal: "minimize", shape, values }
}

/** The shapes of NAS-Bench-201 and of HPOLib. */
const cellShape = [5, 5, 5, 5, 5, 5]
const networkShape = [2, 2, 4, 3, 3, 6, 2, 6, 6]

type Effects = (levels: ReadonlyArray<number>) => number

/** Effects of each parameter and of each pair, normal, with log-normal scales. */
const secondOrder = (
  shape: ReadonlyArray<number>,
  random: Stream,
  { main = 1, pair = 0.35 }: { readonly main?: number; readonly pair?: number } = {}
): Effects => {
  const normals = (count: number, scale: number) =>
    Float64Array.from({ length: count }, () => scale * random.normal())
  const alone = shape.map((size) => normals(size, main * Math.exp(0.8 * random.normal())))
  const pairs = shape.flatMap((m, a) =>
    shape.slice(0, a).map((n, b) => ({ a, b, n, effects: normals(m * n, pair * Math.exp(random.normal())) }))
  )
  return (levels) => {
    let value = 0
    alone.forEach((effects, k) => {
      value += effects[levels[k]]
    })
    for (const { a, b, n, effects } of pairs) value += effects[levels[a] * n + levels[b]]
    return value
  }
}

/** Three pairs of values that are bad whatever the rest. */
const badPairs = (shape: ReadonlyArray<number>, random: Stream) => {
  const bad = Array.from({ length: 3 }, () => {
    const [a, b] = random.permutation(shape.length)
    return { a, b, i: random.integer(shape[a]), j: random.integer(shape[b]) }
  })
  return (levels: ReadonlyArray<number>): boolean =>
    bad.some(({ a, b, i, j }) => levels[a] === i && levels[b] === j)
}

/** Losses that are products of factors: the exponential of a second-order model, some settings far worse. The sharper, the more the bad ones hide what tells the good ones apart. */
const product =
  (shape: ReadonlyArray<number>, sharpness = 0.5) =>
  (random: Stream): Table => {
    const effects = secondOrder(shape, random)
    const isBad = badPairs(shape, random)
    return tableOf(shape, (levels) =>
      Math.exp(sharpness * (effects(levels) + (isBad(levels) ? 10 : 0) + 0.3 * random.normal()))
    )
  }

/**
 * Errors of cells as NAS-Bench-201 has them: six edges between four nodes, five operations; what counts are the paths from the first node to the
 * last, with diminishing returns, and a cell without one has learnt nothing.
 */
const cell = (random: Stream): Table => {
  const jitter = () => 0.1 * random.normal()
  // none, skip, 1x1, 3x3, pooling, in another order for each edge.
  const passes = [0, 1, 0.9 + jitter(), 0.9 + jitter(), 0.7 + jitter()]
  const learns = [0, 0.1, 0.7 + 2 * jitter(), 1 + 2 * jitter(), 0.2 + jitter()]
  const orders = cellShape.map(() => random.permutation(5))
  const edges = { "01": 0, "02": 1, "12": 2, "03": 3, "13": 4, "23": 5 }
  const paths = [
    [edges["03"]],
    [edges["01"], edges["13"]],
    [edges["02"], edges["23"]],
    [edges["01"], edges["12"], edges["23"]]
  ]
  const effects = secondOrder(cellShape, random, { main: 0.06, pair: 0.03 })
  return tableOf(cellShape, (levels) => {
    let learnt = 0
    for (const path of paths) {
      let [passed, capacity] = [1, 0]
      for (const edge of path) {
        const operation = orders[edge][levels[edge]]
        passed *= passes[operation]
        capacity += learns[operation]
      }
      learnt += passed * capacity
    }
    return learnt === 0 ? 90 : 8 + 82 * Math.exp(-1.3 * learnt + effects(levels)) + 0.15 * random.normal()
  })
}

/**
 * Losses of networks of two layers as HPOLib's: activations, batch size, dropouts, rate, schedule, widths. Too small a rate leaves much of the
 * loss, too large a one fails altogether for one activation; dropout harms narrow layers; widths have diminishing returns.
 */
const network = (random: Stream): Table => {
  const bestRate = 1 + 3 * random.uniform()
  const strength = () => Math.exp(0.5 * random.normal())
  const [slow, fast, dropout, width, batch, schedule, activation] = Array.from({ length: 7 }, strength)
  const relu = random.integer(2)
  const effects = secondOrder(networkShape, random, { main: 0.05, pair: 0.04 })
  return tableOf(networkShape, ([a1, a2, b, d1, d2, rate, s, n1, n2]) => {
    const scaled = rate - bestRate - 0.4 * batch * b + (s === 1 ? 0.5 * schedule : 0)
    const limits = Math.exp(-0.5 * width * n1) + Math.exp(-0.5 * width * n2)
    const harms = dropout * (d1 * Math.exp(-0.3 * n1) + d2 * Math.exp(-0.3 * n2))
    const log =
      (scaled < 0 ? slow : 0.5 * fast) * scaled * scaled * 0.5 +
      limits +
      harms +
      0.3 * activation * (a1 === a2 ? 0 : 1) +
      (a1 === relu && scaled > 1.5 ? 6 : 0) +
      effects([a1, a2, b, d1, d2, rate, s, n1, n2])
    return 0.01 * Math.exp(log + 0.07 * random.normal())
  })
}

/** Three or four parameters matter, and almost only by pairs. */
const pairs = (random: Stream): Table => {
  const shape = networkShape
  const chosen = random.permutation(shape.length).slice(0, 3 + random.integer(2))
  const effects = secondOrder(
    Array.from(chosen, (k) => shape[k]),
    random,
    { main: 0.2, pair: 1 }
  )
  return tableOf(shape, (levels) => effects(Array.from(chosen, (k) => levels[k])) + 0.1 * random.normal())
}

/** Twenty different values in all: most settings are as good as many others. */
const plateaus = (random: Stream): Table => {
  const effects = secondOrder(cellShape, random)
  const table = tableOf(cellShape, effects)
  const sorted = table.values.toSorted()
  // Steps by quantiles, each half as likely as the one above it, down to some three of 15,625 settings.
  const steps = Array.from({ length: 12 }, (_, i) => sorted[Math.floor(sorted.length / 2 ** (12 - i))])
  return { ...table, values: table.values.map((value) => steps.filter((step) => value > step).length) }
}

/** A good region that takes up little of the space, in an additive landscape that does not lead there. */
const corner = (random: Stream): Table => {
  const effects = secondOrder(cellShape, random, { main: 0.3, pair: 0.1 })
  const center = cellShape.map((size) => random.integer(size))
  return tableOf(cellShape, (levels) => {
    const apart = levels.filter((level, k) => level !== center[k]).length
    return effects(levels) - 8 * Math.exp(-0.7 * apart) + 0.1 * random.normal()
  })
}

/** Each parameter's effect depends on two others: Kauffman's NK model with K = 2. */
const rugged = (random: Stream): Table => {
  const parts = cellShape.map((_, k) => {
    const others = random
      .permutation(cellShape.length)
      .filter((other) => other !== k)
      .slice(0, 2)
    const effects = Float64Array.from({ length: 125 }, () => random.normal())
    return { k, a: others[0], b: others[1], effects }
  })
  return tableOf(cellShape, (levels) =>
    parts.reduce((sum, { k, a, b, effects }) => sum + effects[25 * levels[k] + 5 * levels[a] + levels[b]], 0)
  )
}

/** As much noise as effects. */
const noisy = (random: Stream): Table => {
  const effects = secondOrder(networkShape, random, { main: 0.5, pair: 0.1 })
  return tableOf(networkShape, (levels) => effects(levels) + random.normal())
}

/** Tables by a name each; a draw of a family is a table of its own. */
export const families: Readonly<Record<string, (random: Stream) => Table>> = {
  "cells like NAS-Bench-201": cell,
  "networks like HPOLib": network,
  "products, 5^6": product(cellShape),
  "products, 9 parameters": product(networkShape),
  "sharp products, 5^6": product(cellShape, 2),
  "sharp products, 9 parameters": product(networkShape, 2),
  "pairs of few parameters": pairs,
  plateaus,
  "narrow corner": corner,
  rugged,
  "as much noise": noisy
}

const warps: ReadonlyArray<(place: number) => number> = [
  // place: 0 the best to 1 the worst of a table, by value.
  Math.sqrt,
  (place) => Math.log(place + 1e-3),
  (place) => place * place,
  (place) => Math.exp(6 * place),
  (place) => place
]

/**
 * A table that is like another: its losses by another scale, with noise of a tenth of what tells the best tenth apart, its levels in another
 * order.
 */
export const disguised = (table: Table, random: Stream): Table => {
  const losses = table.goal === "minimize" ? table.values : table.values.map((value) => -value)
  const [best, tenth] = quantiles(losses, [0, 0.1])
  const warp = warps[random.integer(warps.length)]
  const orders = table.shape.map((size) => random.permutation(size))
  const noisy = tableOf(table.shape, (levels) => {
    const index = levels.reduce((index, level, k) => index * table.shape[k] + orders[k][level], 0)
    return losses[index] + 0.1 * (tenth - best) * random.normal()
  })
  const [low, high] = quantiles(noisy.values, [0, 0.99])
  return { ...noisy, values: noisy.values.map((loss) => warp(Math.min(1, (loss - low) / (high - low)))) }
}

/** Of the values that are numbers. */
const quantiles = (values: Float64Array, shares: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sorted = values.filter(Number.isFinite).toSorted()
  return shares.map((share) => sorted[Math.floor(share * (sorted.length - 1))])
}

/** Draw number `draw` of a family. */
export const drawTable = (
  family: string,
  make: (random: Stream) => Table,
  key: Key,
  draw: number
): Table => ({
  ...make(stream(fold(fold(key, family), draw))),
  name: `${family} ${draw}`
})
