import { assert, describe, it } from "@effect/vitest"
import {
  bartlett,
  isPositive,
  noWindow,
  parzen,
  spectralVariance,
  trapezoid,
  type Window,
  windowWeights
} from "../../../src/ControlVariates/index.ts"
import { autocovariance } from "../../../src/ControlVariates/spectral/Autocovariance.ts"
import { assertClose } from "../../assertClose.ts"
import { testSeries } from "../testSeries.ts"

const parzenWeight = (u: number): number =>
  u <= 0.5 ? 1 - 6 * u ** 2 + 6 * u ** 3 : u <= 1 ? 2 * (1 - u) ** 3 : 0

/** sum_l w(l) gamma_l around the mean of all chains, as written. */
const directly = (series: Float64Array, chains: number, window: Window): number => {
  const draws = series.length / chains
  const mean = series.reduce((sum, x) => sum + x, 0) / series.length
  const weights = windowWeights(window, draws)
  let sum = 0
  for (let c = 0; c < chains; c++)
    for (let s = 0; s < draws; s++)
      for (let t = 0; t < draws; t++)
        sum += weights[Math.abs(s - t)] * (series[c * draws + s] - mean) * (series[c * draws + t] - mean)
  return sum / series.length
}

describe("lag windows", () => {
  it("have the weights of their definitions", () => {
    assertClose(windowWeights(bartlett(4), 6), [1, 0.75, 0.5, 0.25, 0, 0], 1e-15)
    for (const width of [2, 4, 10, 34])
      assertClose(
        windowWeights(parzen(width), width + 2),
        Array.from({ length: width + 2 }, (_, lag) => parzenWeight(lag / width)),
        1e-14,
        `Parzen ${width}`
      )
  })

  it("give the sum of weighted autocovariances, over one and several chains", () => {
    for (const chains of [1, 3])
      for (const window of [noWindow, bartlett(7), parzen(12), trapezoid(1), trapezoid(6), bartlett(120)]) {
        const series = testSeries({ chains, draws: 120, correlation: 0.8, shift: 0.2, seed: 23, grid: 0 })
        assertClose(
          [spectralVariance(series, chains, window)],
          [directly(series, chains, window)],
          1e-12,
          window.name
        )
      }
  })

  it("are positive semi-definite but for the flat-topped one", () => {
    const alternating = Float64Array.from({ length: 200 }, (_, t) => Math.cos(t / 1.5))
    for (const window of [noWindow, bartlett(9), parzen(8)]) {
      assert.isTrue(isPositive(window))
      assert.isAtLeast(spectralVariance(alternating, 1, window), 0)
    }
    assert.isFalse(isPositive(trapezoid(4)))
    assert.isBelow(spectralVariance(alternating, 1, trapezoid(4)), 0)
  })
})

describe("autocovariance by FFT", () => {
  it("is the biased sum of products", () => {
    const series = testSeries({ chains: 2, draws: 77, correlation: 0.5, shift: 0.3, seed: 29, grid: 0 })
    const expected = new Float64Array(77)
    for (let c = 0; c < 2; c++) {
      const chain = series.subarray(77 * c, 77 * (c + 1))
      const mean = chain.reduce((sum, x) => sum + x, 0) / 77
      for (let lag = 0; lag < 77; lag++)
        for (let t = 0; t + lag < 77; t++)
          expected[lag] += ((chain[t] - mean) * (chain[t + lag] - mean)) / (2 * 77)
    }
    assertClose(autocovariance(series, 2), expected, 1e-13)
  })
})
