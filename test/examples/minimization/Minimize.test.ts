import { assert, describe, it } from "@effect/vitest"
import {
  functionNames,
  functions,
  movedFunction,
  randomShift
} from "../../../examples/minimization/Functions.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { runExample } from "../runExample.ts"

const run = (...flags: ReadonlyArray<string>) => runExample("minimize", flags)

describe("the functions of examples/minimize", () => {
  it("have their minimum at their minimiser, moved or not, and nothing below it", () => {
    const dims = 7
    for (const name of functionNames) {
      const f = functions[name]
      const random = stream(key(name))
      for (const share of [0, 0.1]) {
        const shift = randomShift(f, dims, share, random)
        const valuesAt = movedFunction(f, shift)
        const best = shift.map((by, k) => f.minimiser(k) + by)
        assert.isTrue(
          best.every((x) => x >= f.low && x <= f.high),
          name
        )
        assert.closeTo(valuesAt(best)[0], f.minimum(dims), 1e-9, name)
        const points = Float64Array.from(
          { length: 10_000 * dims },
          () => f.low + (f.high - f.low) * random.uniform()
        )
        assert.isAbove(Math.min(...valuesAt(points)), f.minimum(dims), name)
      }
    }
  })

  it("have the minima that are published in 10 dimensions", () => {
    assert.closeTo(functions.michalewicz.minimum(10), -9.66015, 1e-5)
    assert.closeTo(functions.schwefel.minimum(10), 1.3e-4, 1e-5)
  })
})

describe("examples/minimize", () => {
  it("prints one line of JSON with an error a seed, and the same errors again", async () => {
    const flags = [
      "--function",
      "rastrigin",
      "--dims",
      "3",
      "--evals",
      "5000",
      "--seeds",
      "2",
      "--shift",
      "0.1",
      "--json"
    ]
    const text = await run(...flags)
    assert.strictEqual(text.trim().split("\n").length, 1)
    const result = JSON.parse(text)
    assert.deepStrictEqual(Object.keys(result), ["function", "dims", "evals", "shift", "errors", "seconds"])
    assert.strictEqual(result.errors.length, 2)
    assert.isTrue(result.errors.every((error: number) => error >= 0 && error < 1e-9))
    assert.deepStrictEqual(JSON.parse(await run(...flags)).errors, result.errors)
  })

  it("prints a table of all functions", async () => {
    const text = await run("--dims", "2", "--evals", "500", "--seeds", "1")
    for (const name of functionNames) assert.include(text, name)
  })
})
