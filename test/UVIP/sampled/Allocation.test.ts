import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import { allocateDraws } from "../../../src/UVIP/sampled/Allocation.ts"
import { tableDesign } from "../../../src/UVIP/sampled/Design.ts"
import { drawPilot } from "../../../src/UVIP/sampled/Pilot.ts"
import { Environments, exactValue, Mdp, type Outcome, sampler, simulatorOf } from "../../../src/UVIP/index.ts"
import { distance } from "../fixtures.ts"

const pilotOf = Effect.fnUntraced(function* (mdp: Mdp, draws: number) {
  const source = simulatorOf(mdp)
  return yield* drawPilot(sampler(source, yield* tableDesign(source)), draws, "shared", key("pilot"))
})

describe("a pilot", () => {
  it.effect("is an MDP near the one it was drawn from", () =>
    Effect.gen(function* () {
      const mdp = yield* Environments.frozenLake({ discount: 0.9 })
      const { values } = yield* exactValue(mdp)
      const pilot = yield* pilotOf(mdp, 4000)
      const checked = yield* Mdp.fromArrays(pilot.mdp)
      const kept = values.filter((_, state) => mdp.terminal[state] === 0)
      const found = (yield* exactValue(checked)).values
      assert.strictEqual(found.length, kept.length + 1)
      assert.isBelow(distance(kept, found), 0.03)
      assert.strictEqual(pilot.simulatorCalls, 4000 * 4 * kept.length)
    })
  )
})

describe("allocateDraws", () => {
  it.effect("spends what there is, on what is near the best and scatters", () =>
    Effect.gen(function* () {
      // Action 0 is best and scatters, 1 is nearly as good and scatters, 2 is far worse, 3 as bad and certain.
      const mdp = yield* Mdp.make({
        states: 3,
        actions: 4,
        discount: 0.5,
        terminal: [1, 2],
        outcomes: (_, action): ReadonlyArray<Outcome> =>
          action === 3
            ? [[1, 1, -3]]
            : [
                [1, 0.5, [1, 0.95, -3][action]],
                [2, 0.5, [-1, -0.95, -5][action]]
              ]
      })
      const pilot = yield* pilotOf(mdp, 500)
      const { values } = yield* exactValue(pilot.mdp)
      const [best, close, bad, certain] = allocateDraws(pilot, values, 1000)
      assert.isAtMost(best + close + bad + certain, 4000)
      assert.isAtLeast(best + close + bad + certain, 3900)
      assert.isAbove(best, 1200)
      assert.isAbove(close, 1200)
      assert.isBelow(bad, 100)
      assert.strictEqual(certain, 20)
    })
  )

  it.effect("has enough for all where a certain action and one that scatters are equally good", () =>
    Effect.gen(function* () {
      const mdp = yield* Mdp.make({
        states: 3,
        actions: 2,
        discount: 0.5,
        terminal: [1, 2],
        outcomes: (_, action): ReadonlyArray<Outcome> =>
          action === 0
            ? [[1, 1, 0]]
            : [
                [1, 0.5, 1],
                [2, 0.5, -1]
              ]
      })
      const pilot = yield* pilotOf(mdp, 2)
      const sure = { ...pilot, mdp: { ...pilot.mdp, rewards: new Float64Array(pilot.mdp.rewards.length) } }
      const counts = allocateDraws(sure, new Float64Array(pilot.mdp.states), 1000)
      assert.isAtMost(counts[0] + counts[1], 2000)
    })
  )
})
