import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { decodeDescription, permutationProblem } from "../../src/Weight/index.ts"

describe("permutationProblem", () => {
  it("finds nothing wrong with permutations", () => {
    for (const values of [[], [0], [2, 0, 1], [0, 1, 2, 3]])
      assert.isUndefined(permutationProblem(Uint32Array.from(values)))
  })

  it("says which index is out of range or doubled, and where", () => {
    assert.strictEqual(permutationProblem(Uint32Array.of(0, 3, 1)), "index 3 at 1 is not below 3")
    assert.strictEqual(
      permutationProblem(Uint32Array.of(0, 1, 1)),
      "index 1 appears twice, the second time at 2"
    )
  })
})

describe("decodeDescription", () => {
  const Description = Schema.Struct({ rank: Schema.Int })

  it("gives what the schema knows, and else says what is wrong", () => {
    assert.deepStrictEqual(decodeDescription(Description, { rank: 2, note: "" }), Result.succeed({ rank: 2 }))
    const wrong = decodeDescription(Description, { rank: "two" })
    assert.include(Result.isFailure(wrong) ? wrong.failure : "", "rank")
  })
})
