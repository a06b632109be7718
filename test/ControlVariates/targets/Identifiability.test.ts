import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeDesign, unidentifiedBy } from "../../../src/ControlVariates/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { key, stream } from "../../../src/Random/index.ts"

const random = stream(key("identifiability"))
const rows = Array.from({ length: 80 }, () => [random.normal(), random.normal()])
const mixed = rows.map(([x]) => (random.bernoulli(1 / (1 + Math.exp(-x))) ? 1 : 0))

const messages = (x: ReadonlyArray<ReadonlyArray<number>>, y: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const design = yield* makeDesign(x, y, { scale: "standardise" })
    return (yield* unidentifiedBy(design)).map(({ message }) => message)
  }).pipe(Effect.provide(Layers.mock()))

describe("unidentifiedBy", () => {
  it.effect("says nothing of data that have a mode of their own, be it far away", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* messages(rows, mixed), [])
      // One row deep on each other side: no line separates the labels, though nearly.
      const nearly = [0, 1, ...rows.map(([x]) => Number(x > 0))]
      assert.deepStrictEqual(yield* messages([[2, 0], [-2, 0], ...rows], nearly), [])
    })
  )

  it.effect("says which columns separate all labels, and which some", () =>
    Effect.gen(function* () {
      const [all] = yield* messages(
        rows,
        rows.map(([x]) => Number(x > 0.2))
      )
      assert.match(all, /separable: .*mostly x1.* tells all labels apart/)
      // Where the third column is 1 the label is 1; elsewhere labels are mixed.
      const some = yield* messages(
        rows.map((row, i) => [...row, i % 10 === 0 ? 1 : 0]),
        mixed.map((y, i) => (i % 10 === 0 ? 1 : y))
      )
      assert.strictEqual(some.length, 1)
      assert.match(some[0], /mostly x3.*the labels of 8 of 80 rows/)
    })
  )

  it.effect("says which columns depend on each other, and where there are more of them than rows", () =>
    Effect.gen(function* () {
      const [one, ...others] = yield* messages(
        rows.map(([a, b]) => [a, b, 2 * a - 1]),
        mixed
      )
      assert.match(one, /linearly dependent \((x1, x3|x3, x1)\)/)
      assert.deepStrictEqual(others, [])
      const wide = yield* messages(
        rows.slice(0, 4).map((row) => [...row, random.normal(), random.normal()]),
        [0, 1, 1, 0]
      )
      assert.match(wide[0], /5 columns have only 4 rows/)
      assert.match(wide[1], /tells all labels apart/)
    })
  )
})
