import { checkCount, ControlVariateOptionError } from "../Errors.ts"

/**
 * One square in a quadratic form: a series is run through sums over `boxes` (lengths), then through two taps, and its squares
 * are added with `weight`.
 */
export interface Filter {
  readonly weight: number
  readonly boxes: ReadonlyArray<number>
  /** y_t = taps[0] x_t + taps[1] x_{t-1}. */
  readonly taps: readonly [number, number]
}

/**
 * A lag window w(l), w(0) = 1, w(l) = 0 from `width` on, as a sum of filtered squares: x' W x = sum_i weight_i |filter_i x|^2 for
 * a series with zeros around it. So its cost does not depend on the width, and weights above zero prove it positive semi-definite.
 */
export interface Window {
  readonly name: "none" | "bartlett" | "parzen" | "trapezoid"
  readonly width: number
  readonly filters: ReadonlyArray<Filter>
}

const plain: readonly [number, number] = [1, 0]

/** w(0) = 1, all else 0: the variance itself, the objective of EVM. */
export const noWindow: Window = {
  name: "none",
  width: 1,
  filters: [{ weight: 1, boxes: [], taps: plain }]
}

/** Bartlett's window w(l) = 1 - |l| / width: overlapping batch means. Throws a `ControlVariateOptionError` for a width below 1. */
export const bartlett = (width: number): Window => {
  checkCount("window width", width)
  return { name: "bartlett", width, filters: [{ weight: 1 / width, boxes: [width], taps: plain }] }
}

/**
 * Parzen's window, 1 - 6 u^2 + 6 u^3 for u = |l| / width up to 1/2, then 2 (1 - u)^3, of an even width: a cubic B-spline, which is
 * four running sums of width / 2 and the filter (1, 4, 1) / 6 = (a + b L)(a + b / L).
 * Throws a `ControlVariateOptionError` for an odd width.
 */
export const parzen = (width: number): Window => {
  checkCount("window width", width, 2)
  if (width % 2 !== 0)
    throw new ControlVariateOptionError({
      option: "width of a Parzen window",
      value: width,
      expected: "even"
    })
  const half = width / 2
  const root = 1 / Math.sqrt(3)
  return {
    name: "parzen",
    width,
    filters: [{ weight: 1.5 / half ** 3, boxes: [half, half], taps: [(1 + root) / 2, (1 - root) / 2] }]
  }
}

/**
 * The flat-topped window of the authors' code: 1 up to lag `flat`, then falling linearly to 0 at 2 flat. It is not positive
 * semi-definite: for comparisons, and refused by a fit that it makes indefinite.
 */
export const trapezoid = (flat: number): Window => {
  checkCount("trapezoid's flat part", flat, 0)
  if (flat === 0) return { ...noWindow, name: "trapezoid" }
  // The difference of two triangles; for flat = 1 its slope is infinite: 1 at lags 0 and 1.
  if (flat === 1)
    return {
      name: "trapezoid",
      width: 2,
      filters: [
        { weight: 1, boxes: [2], taps: plain },
        { weight: -1, boxes: [], taps: plain }
      ]
    }
  return {
    name: "trapezoid",
    width: 2 * flat,
    filters: [
      { weight: 1 / (flat - 1), boxes: [2 * flat], taps: plain },
      { weight: -1 / (flat - 1), boxes: [flat + 1], taps: plain }
    ]
  }
}

/** Whether x' W x >= 0 for every series, as far as the window's form shows it. */
export const isPositive = (window: Window): boolean => window.filters.every(({ weight }) => weight > 0)

/** How many draws before the present one a filter looks at. */
export const reachOf = ({ boxes, taps }: Filter): number =>
  boxes.reduce((sum, box) => sum + box - 1, taps[1] === 0 ? 0 : 1)

/** w(0), w(1), ... w(lags - 1), multiplied out of the filters: for looking at, not for fits. */
export const windowWeights = (window: Window, lags: number): Float64Array => {
  const weights = new Float64Array(lags)
  for (const filter of window.filters) {
    let impulse = [1]
    for (const box of filter.boxes) {
      const next = Array.from({ length: impulse.length + box - 1 }, () => 0)
      impulse.forEach((value, i) => {
        for (let j = 0; j < box; j++) next[i + j] += value
      })
      impulse = next
    }
    const [a, b] = filter.taps
    const full = [...impulse, 0].map((value, i) => a * value + b * (i > 0 ? impulse[i - 1] : 0))
    for (let lag = 0; lag < lags; lag++)
      for (let i = 0; i + lag < full.length; i++) weights[lag] += filter.weight * full[i] * full[i + lag]
  }
  return weights
}
