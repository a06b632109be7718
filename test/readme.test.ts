import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Kronecker, Layers, Tensor } from "../src/index.ts"
import { blocksMissing } from "./readmeBlocks.ts"

const program = Effect.gen(function* () {
  const kronecker = yield* Kronecker
  const w = yield* Tensor.full([8, 8], 1)
  return (yield* kronecker.fit(w, { terms: 1, left: [4, 4], right: [2, 2] })).relativeError
})

describe("the README", () => {
  it("shows examples/nearest-kronecker.ts, and how a test runs it", () => {
    const example = fileURLToPath(new URL("../examples/nearest-kronecker.ts", import.meta.url))
    assert.deepStrictEqual(blocksMissing("README.md", example, import.meta.filename), [])
  })

  it.effect("which runs", () =>
    Effect.map(
      // What follows is in the README, letter by letter.
      program.pipe(Effect.scoped, Effect.provide([Kronecker.layer, Layers.mock()])),
      (relativeError) => assert.isBelow(relativeError, 1e-7)
    )
  )
})
