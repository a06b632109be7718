import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import { actingOfFile, parsePolicyFile, type PolicyFile } from "../../../src/UVIP/index.ts"

const plane = { states: undefined, stateSize: 2, actions: 2 }

const acts = (file: PolicyFile, problem: Parameters<typeof actingOfFile>[1], state: ReadonlyArray<number>) =>
  Effect.map(actingOfFile(file, problem), (policy) => {
    const into = new Int32Array(1)
    policy.act(Float64Array.from(state), 1, key(1), into)
    return into[0]
  })

const refused = (file: PolicyFile, problem: Parameters<typeof actingOfFile>[1] = plane) =>
  Effect.map(Effect.flip(actingOfFile(file, problem)), (error) => error.message)

const linear: PolicyFile = {
  kind: "linear",
  weights: [
    [0, 0, 0],
    [1, 0, -1]
  ],
  scale: [2, 1]
}

const network: PolicyFile = {
  kind: "network",
  sizes: [2, 1, 2],
  weights: [
    [1, 0],
    [-1, 1]
  ],
  biases: [[-1], [0, 0]],
  scale: [2, 1],
  isGreedy: true
}

describe("a policy file", () => {
  it.effect("acts as it says", () =>
    Effect.gen(function* () {
      for (const file of [linear, network]) {
        const read = yield* parsePolicyFile(JSON.stringify(file))
        assert.strictEqual(yield* acts(read, plane, [2.1, 0]), 1)
        assert.strictEqual(yield* acts(read, plane, [1.9, 0]), 0)
      }
      const tabular: PolicyFile = {
        kind: "tabular",
        probabilities: [
          [1, 0],
          [0, 1]
        ]
      }
      const table = { states: 2, stateSize: 1, actions: 2 }
      assert.strictEqual(yield* acts(tabular, table, [0]), 0)
      assert.strictEqual(yield* acts(tabular, table, [1]), 1)
    })
  )

  it.effect("is refused with its reason", () =>
    Effect.gen(function* () {
      assert.match((yield* Effect.flip(parsePolicyFile("{"))).message, /not a policy file/)
      assert.match((yield* Effect.flip(parsePolicyFile('{"kind":"oracle"}'))).message, /not a policy file/)
      assert.match(yield* refused({ ...linear, scale: [1, 0] }), /scale must be 2 positive numbers/)
      assert.match(
        yield* refused(linear, { ...plane, actions: 3 }),
        /weights must be 3 rows of 3, not 2 of 3/
      )
      assert.match(yield* refused({ ...network, sizes: [3, 1, 2] }), /sizes must begin with 2/)
      assert.match(
        yield* refused({
          ...network,
          biases: [
            [1, 2],
            [0, 0]
          ]
        }),
        /layer 0 must have 2 weights/
      )
      assert.match(yield* refused({ kind: "tabular", probabilities: [[1, 0]] }), /no numbered states/)
    })
  )
})
