import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  fileOfMdp,
  Mdp,
  mdpOfFile,
  type Outcome,
  parseMdpFile,
  reachable,
  valueBounds
} from "../../../src/UVIP/index.ts"

const twoStates = (outcomes: ReadonlyArray<Outcome>, discount = 0.9) =>
  Mdp.make({ states: 2, actions: 2, discount, outcomes: () => outcomes })

const messageOf = <A>(effect: Effect.Effect<A, { readonly message: string }>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

describe("Mdp", () => {
  it.effect("merges outcomes of one next state and averages their rewards", () =>
    Effect.gen(function* () {
      const mdp = yield* twoStates([
        [1, 0.25, 4],
        [0, 0.5, 1],
        [1, 0.25, 2],
        [0, 0, 100]
      ])
      assert.deepStrictEqual([...mdp.successors.subarray(0, 2)], [1, 0])
      assert.deepStrictEqual([...mdp.probabilities.subarray(0, 2)], [0.5, 0.5])
      assert.deepStrictEqual([...(mdp.outcomeRewards?.subarray(0, 2) ?? [])], [3, 1])
      assert.strictEqual(mdp.rewards[0], 2)
      assert.deepStrictEqual([...valueBounds(mdp)], [2 / (1 - 0.9), 2 / (1 - 0.9)])
    })
  )

  it.effect("names the state and the action of what is wrong", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* messageOf(twoStates([[0, 0.5, 0]])),
        "state 0, action 0: its probabilities sum to 0.5, not 1"
      )
      assert.match(yield* messageOf(twoStates([[0, 1, Number.NaN]])), /state 0, action 0: its reward is NaN/)
      assert.match(yield* messageOf(twoStates([[2, 1, 0]])), /leads to state 2, which is not one of 0 to 1/)
      assert.match(yield* messageOf(twoStates([[0, -1, 0]])), /probability -1, which is not in \[0, 1\]/)
      assert.match(yield* messageOf(twoStates([[0, 1, 0]], 1)), /the discount must be in \[0, 1\), not 1/)
      const broken = Mdp.make({
        states: 3,
        actions: 2,
        discount: 0.5,
        outcomes: (state, action): ReadonlyArray<Outcome> => [[0, state === 2 && action === 1 ? 0.9 : 1, 0]]
      })
      assert.strictEqual(yield* messageOf(broken), "state 2, action 1: its probabilities sum to 0.9, not 1")
    })
  )

  it.effect("checks arrays like outcomes", () =>
    Effect.gen(function* () {
      const mdp = yield* twoStates([[1, 1, 1]])
      assert.strictEqual(yield* Mdp.fromArrays(mdp), mdp)
      const probabilities = mdp.probabilities.slice()
      probabilities[3] = 0.5
      assert.match(
        yield* messageOf(Mdp.fromArrays({ ...mdp, probabilities })),
        /state 1, action 1: its probabilities sum to 0.5/
      )
      assert.match(
        yield* messageOf(Mdp.fromArrays({ ...mdp, rewards: new Float64Array(3) })),
        /rewards has 3 elements instead of 4/
      )
    })
  )

  it.effect("says which state cannot be reached", () =>
    Effect.gen(function* () {
      const mdp = yield* Mdp.make({
        states: 3,
        actions: 1,
        discount: 0.5,
        outcomes: (state): ReadonlyArray<Outcome> => [[state === 2 ? 0 : 1, 1, 0]]
      })
      assert.deepStrictEqual([...reachable(mdp, [0])], [1, 1, 0])
      assert.match(
        yield* messageOf(Mdp.checkReachable(mdp, [0], [0, 1, 2])),
        /state 2: no sequence of actions leads here/
      )
      yield* Mdp.checkReachable(mdp, [2], [0, 1, 2])
    })
  )

  it.effect("goes into a file and back", () =>
    Effect.gen(function* () {
      const mdp = yield* Mdp.make({
        states: 2,
        actions: 2,
        discount: 0.9,
        terminal: [1],
        outcomes: (_, action): ReadonlyArray<Outcome> => [
          [0, 0.25, action],
          [1, 0.75, action]
        ]
      })
      const file = yield* parseMdpFile(JSON.stringify(fileOfMdp(mdp)))
      assert.deepStrictEqual(yield* mdpOfFile(file), mdp)
      assert.match(yield* messageOf(parseMdpFile("{}")), /not an MDP file/)
      assert.match(
        yield* messageOf(mdpOfFile({ ...file, R: [[0, 0], [0]] })),
        /state 1: R has 1 actions, A says 2/
      )
    })
  )
})
