import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { page, settingsText, trialLines } from "../../../examples/tuning/Summary.ts"
import { render } from "../../../src/Report/index.ts"
import type { Outcome, Trial } from "../../../src/TetraOpt/index.ts"

const trial = (number: number, outcome: Outcome | undefined): Trial<object> => ({
  number,
  configuration: { rate: 0.001234567, layers: number + 1, kind: "<b>" },
  row: Float64Array.of(0.5, number, 0),
  outcome,
  reports: [{ step: 1, value: 9 }],
  seconds: outcome === undefined ? undefined : 1.5
})

const trials = [
  trial(0, { status: "complete", value: 30 }),
  trial(1, { status: "failed", reason: "the objective gave NaN" }),
  trial(2, { status: "pruned", step: 4, value: 50 }),
  trial(3, { status: "complete", value: 20 }),
  trial(4, undefined)
]

describe("the summary of a study", () => {
  it("has a line of JSON for every trial", () => {
    const lines = trialLines(trials).trimEnd().split("\n")
    assert.deepStrictEqual(
      lines.map((line) => JSON.parse(line) as { number: number }).map(({ number }) => number),
      [0, 1, 2, 3, 4]
    )
    assert.deepStrictEqual(JSON.parse(lines[2]), {
      number: 2,
      configuration: { rate: 0.001234567, layers: 3, kind: "<b>" },
      outcome: { status: "pruned", step: 4, value: 50 },
      reports: [{ step: 1, value: 9 }],
      seconds: 1.5
    })
  })

  it("says settings in a line", () => {
    assert.strictEqual(settingsText(trials[0].configuration), "rate 0.00123, layers 1, kind <b>")
  })

  it.effect("is a page with all of them, whatever they are called", () =>
    Effect.gen(function* () {
      const html = yield* render(
        page({
          title: "A study",
          command: "pnpm tsx examples/tune.ts",
          trials,
          best: trials[3],
          sampler: "tetra",
          importance: [
            { name: "rate", main: 0.1, total: 0.2 },
            { name: "layers", main: 0.7, total: 0.8 }
          ],
          seconds: 12,
          test: { best: 21, usual: 33 },
          usual: { rate: 0.01 }
        })
      )
      for (const text of [
        "5 trials by tetra in 12 s: 2 complete, 1 given up early, 1 failed. The best, number 3, has perplexity 20.00.",
        "failed: the objective gave NaN",
        "given up at step 4",
        "unfinished",
        "layers 80 %, rate 20 %",
        "33.00"
      ])
        assert.include(html, text)
      assert.notInclude(html, "<b>")
    })
  )
})
