import { assert, describe, it } from "@effect/vitest"
import { Diagnostics } from "../../../src/ControlVariates/index.ts"
import { assertClose } from "../../assertClose.ts"
import { testSeries } from "../testSeries.ts"
import { arvizReference } from "./arvizReference.ts"

const close = (actual: number, expected: number, what: string): void =>
  assertClose([actual], [expected], 1e-8, what)

describe.each(arvizReference)("diagnostics of $chains chains of $draws draws, seed $seed", (reference) => {
  const { chains } = reference
  const series = testSeries(reference)
  it("agree with ArviZ", () => {
    close(Diagnostics.rhat(series, chains), reference.rhat, "R-hat")
    close(Diagnostics.essBulk(series, chains), reference.essBulk, "bulk ESS")
    close(Diagnostics.essTail(series, chains), reference.essTail, "tail ESS")
    close(Diagnostics.essMean(series, chains), reference.essMean, "ESS of the mean")
    close(Diagnostics.essDeviation(series, chains), reference.essDeviation, "ESS of the deviation")
    close(Diagnostics.essQuantile(series, chains, 0.5), reference.essMedian, "ESS of the median")
    close(Diagnostics.mcseMean(series, chains), reference.mcseMean, "MCSE of the mean")
    close(Diagnostics.mcseDeviation(series, chains), reference.mcseDeviation, "MCSE of the deviation")
    assertClose(
      [0.05, 0.5, 0.9].map((p) => Diagnostics.mcseQuantile(series, chains, p)),
      reference.mcseQuantiles,
      1e-8,
      "MCSE of quantiles"
    )
    assertClose(Diagnostics.ebfmi(series, chains), reference.ebfmi, 1e-8, "E-BFMI")
  })
})

describe("diagnostics", () => {
  it("do not depend on units of measurement", () => {
    const series = testSeries({ chains: 2, draws: 100, correlation: 0.5, shift: 0, seed: 3, grid: 0 })
    const tiny = series.map((value) => 1e-30 * value)
    assertClose([Diagnostics.essMean(tiny, 2)], [Diagnostics.essMean(series, 2)], 1e-12)
    assertClose([Diagnostics.mcseMean(tiny, 2)], [1e-30 * Diagnostics.mcseMean(series, 2)], 1e-12)
  })

  it("see chains that sit in different places, which means alone would not show", () => {
    const spread = testSeries({ chains: 2, draws: 500, correlation: 0, shift: 0, seed: 5, grid: 0 })
    assert.isBelow(Diagnostics.rhat(spread, 2), 1.02)
    // The same mean, ten times the spread: only the folded R-hat sees it.
    for (let t = 500; t < 1000; t++) spread[t] *= 10
    assert.isAbove(Diagnostics.rhat(spread, 2), 1.2)
  })
})
