import type { Stream } from "../../src/Random/index.ts"

/** A function of d real variables, all between the same bounds, whose minimum is known. */
export interface TestFunction {
  readonly low: number
  readonly high: number
  /** Its least value in d dimensions. */
  readonly minimum: (dimensions: number) => number
  /** Coordinate k of a point where it has that value. */
  readonly minimiser: (k: number) => number
  readonly at: (x: Float64Array) => number
}

const { PI, E, abs, cos, exp, log, sin, sqrt } = Math

const michalewiczTerm = (x: number, k: number): number => {
  const wave = sin(((k + 1) * x * x) / PI)
  const w4 = wave * wave * wave * wave
  const w8 = w4 * w4
  return -sin(x) * w8 * w8 * w4
}

/** Where a function of one variable is least between two bounds: the best of a fine grid, then golden sections. */
const leastBetween = (f: (x: number) => number, low: number, high: number): number => {
  const points = 100_000
  let best = low
  for (let i = 0; i <= points; i++) {
    const x = low + ((high - low) * i) / points
    if (f(x) < f(best)) best = x
  }
  let [a, b] = [best - (high - low) / points, best + (high - low) / points]
  const golden = (sqrt(5) - 1) / 2
  for (let i = 0; i < 60; i++) {
    const [c, d] = [b - golden * (b - a), a + golden * (b - a)]
    if (f(c) < f(d)) b = d
    else a = c
  }
  return (a + b) / 2
}

const michalewiczMinimisers: Array<number> = []

const michalewiczMinimiser = (k: number): number =>
  (michalewiczMinimisers[k] ??= leastBetween((x) => michalewiczTerm(x, k), 0, PI))

const schwefelMinimiser = 420.968746359982

/**
 * The ten functions of TTOpt's first table (Sozykin et al., NeurIPS 2022), on its domains. Each has its own loop: one that called a function for
 * every term would cost more than the terms.
 */
export const functions = {
  ackley: {
    low: -32.768,
    high: 32.768,
    minimum: () => 0,
    minimiser: () => 0,
    at: (x) => {
      let squares = 0
      let waves = 0
      for (let k = 0; k < x.length; k++) {
        squares += x[k] * x[k]
        waves += cos(2 * PI * x[k])
      }
      return 20 + E - 20 * exp(-0.2 * sqrt(squares / x.length)) - exp(waves / x.length)
    }
  },
  alpine: {
    low: -10,
    high: 10,
    minimum: () => 0,
    minimiser: () => 0,
    at: (x) => {
      let total = 0
      for (let k = 0; k < x.length; k++) total += abs(x[k] * sin(x[k]) + 0.1 * x[k])
      return total
    }
  },
  brown: {
    low: -1,
    high: 4,
    minimum: () => 0,
    minimiser: () => 0,
    // (x²)^(y² + 1) + (y²)^(x² + 1) over neighbours x and y, with one logarithm a variable
    at: (x) => {
      let total = 0
      let before = x[0] * x[0]
      let logBefore = log(before)
      for (let k = 1; k < x.length; k++) {
        const square = x[k] * x[k]
        const logSquare = log(square)
        if (before > 0) total += exp((square + 1) * logBefore)
        if (square > 0) total += exp((before + 1) * logSquare)
        before = square
        logBefore = logSquare
      }
      return total
    }
  },
  exponential: {
    low: -1,
    high: 1,
    minimum: () => -1,
    minimiser: () => 0,
    at: (x) => {
      let squares = 0
      for (let k = 0; k < x.length; k++) squares += x[k] * x[k]
      return -exp(-0.5 * squares)
    }
  },
  griewank: {
    low: -600,
    high: 600,
    minimum: () => 0,
    minimiser: () => 0,
    at: (x) => {
      let squares = 0
      let product = 1
      for (let k = 0; k < x.length; k++) {
        squares += x[k] * x[k]
        product *= cos(x[k] / sqrt(k + 1))
      }
      return 1 + squares / 4000 - product
    }
  },
  michalewicz: {
    low: 0,
    high: PI,
    minimum: (dimensions) => {
      let total = 0
      for (let k = 0; k < dimensions; k++) total += michalewiczTerm(michalewiczMinimiser(k), k)
      return total
    },
    minimiser: michalewiczMinimiser,
    at: (x) => {
      let total = 0
      for (let k = 0; k < x.length; k++) total += michalewiczTerm(x[k], k)
      return total
    }
  },
  qing: {
    low: 0,
    high: 500,
    minimum: () => 0,
    minimiser: (k) => sqrt(k + 1),
    at: (x) => {
      let total = 0
      for (let k = 0; k < x.length; k++) {
        const difference = x[k] * x[k] - k - 1
        total += difference * difference
      }
      return total
    }
  },
  rastrigin: {
    low: -5.12,
    high: 5.12,
    minimum: () => 0,
    minimiser: () => 0,
    at: (x) => {
      let total = 0
      for (let k = 0; k < x.length; k++) total += x[k] * x[k] + 10 - 10 * cos(2 * PI * x[k])
      return total
    }
  },
  schaffer: {
    low: -100,
    high: 100,
    minimum: () => 0,
    minimiser: () => 0,
    at: (x) => {
      let total = 0
      for (let k = 1; k < x.length; k++) {
        const squares = x[k - 1] * x[k - 1] + x[k] * x[k]
        const wave = sin(sqrt(squares))
        const damping = 1 + 0.001 * squares
        total += 0.5 + (wave * wave - 0.5) / (damping * damping)
      }
      return total
    }
  },
  schwefel: {
    low: 0,
    high: 500,
    // 418.9829 d - sum x sin(sqrt |x|): the constant, as published, is rounded, so that the minimum is not quite 0.
    minimum: (dimensions) => dimensions * (418.9829 - schwefelMinimiser * sin(sqrt(schwefelMinimiser))),
    minimiser: () => schwefelMinimiser,
    at: (x) => {
      let total = 418.9829 * x.length
      for (let k = 0; k < x.length; k++) total -= x[k] * sin(sqrt(abs(x[k])))
      return total
    }
  }
} satisfies Record<string, TestFunction>

export type FunctionName = keyof typeof functions
export const functionNames = Object.keys(functions) as ReadonlyArray<FunctionName>

/**
 * How far each coordinate of the minimiser is moved: uniformly, by up to `share` of the box to either side, and the other way where
 * it would leave the box.
 */
export const randomShift = (
  { low, high, minimiser }: TestFunction,
  dimensions: number,
  share: number,
  random: Stream
): Float64Array =>
  Float64Array.from({ length: dimensions }, (_, k) => {
    const shift = share * (high - low) * (2 * random.uniform() - 1)
    const to = minimiser(k) + shift
    return to < low || to > high ? -shift : shift
  })

/** The function, moved by `shift` [d], of points [count, d]; its values are overwritten by the next ones. */
export const movedFunction = (
  { at }: TestFunction,
  shift: Float64Array
): ((points: Float64Array) => Float64Array) => {
  const d = shift.length
  const x = new Float64Array(d)
  let room = new Float64Array(0)
  return (points) => {
    const count = points.length / d
    if (room.length < count) room = new Float64Array(2 * count)
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < d; k++) x[k] = points[i * d + k] - shift[k]
      room[i] = at(x)
    }
    return room.subarray(0, count)
  }
}
