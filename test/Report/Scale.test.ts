import { assert, describe, it } from "@effect/vitest"
import { shortNumber } from "../../src/Report/NumberText.ts"
import { scaleOf } from "../../src/Report/Scale.ts"

describe("scaleOf", () => {
  it("ends at round numbers around the values", () => {
    assert.deepStrictEqual(scaleOf({ label: "" }, [0.13, 0.47], 4), {
      type: "linear",
      domain: [0.1, 0.5],
      ticks: [0.1, 0.2, 0.3, 0.4, 0.5]
    })
    assert.deepStrictEqual(scaleOf({ label: "" }, [2.2e6, 3.1e6], 4).domain, [2e6, 3.5e6])
  })

  it("marks some numbers inside whatever domain, and none outside", () => {
    for (const scale of ["linear", "log"] as const)
      for (const domain of [
        [1, 1e6],
        [20, 30],
        [0.0011, 0.0013],
        [3, 5000],
        [1e-12, 1]
      ] as const) {
        const { ticks } = scaleOf({ label: "", scale, domain }, [])
        assert.isAtLeast(ticks.length, 2, `${scale} ${domain}`)
        assert.isAtMost(ticks.length, 13, `${scale} ${domain}`)
        const slack = 1e-9 * (domain[1] - domain[0])
        for (const tick of ticks)
          assert.isTrue(tick >= domain[0] - slack && tick <= domain[1] + slack, `${tick} in ${domain}`)
      }
  })

  it("has room for one value, none, and values that have no place", () => {
    for (const values of [[5], [], [0], [Number.NaN], [-3, 0]])
      for (const scale of ["linear", "log"] as const) {
        const [least, greatest] = scaleOf({ label: "", scale }, values).domain
        assert.isBelow(least, greatest)
      }
  })
})

describe("shortNumber", () => {
  it("is short, and near", () => {
    assert.deepStrictEqual(
      [0, 1, -0.5, 24.61, 1234, 12_345, 3_111_936, 81.9e6, 4.56e-5, 1e-9, 124e9, 2.904e148, -1e18].map(
        (value) => shortNumber(value)
      ),
      [
        "0",
        "1",
        "-0.5",
        "24.6",
        "1234",
        "12.3k",
        "3.11M",
        "81.9M",
        "4.56e-5",
        "1e-9",
        "124G",
        "2.9e148",
        "-1e18"
      ]
    )
  })
})
