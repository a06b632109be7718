import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import { allocateTransitions } from "../../../src/UVIP/simulation/Simulator.ts"
import { Environments, exactValue, reachable, type Simulator } from "../../../src/UVIP/index.ts"

const { acrobot, cartPole, chain, cliffWalking, frozenLake, garnet, mountainCar, nRoom, taxi } = Environments

const transition = (source: Simulator, state: ReadonlyArray<number>, action: number) => {
  const into = allocateTransitions(1, source.stateSize)
  source.sample(Float64Array.from(state), Int32Array.of(action), key(1), into)
  return { next: [...into.nextStates], reward: into.rewards[0], terminated: into.terminated[0] === 1 }
}

const assertNear = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>, tolerance = 1e-12) =>
  actual.forEach((value, i) => {
    assert.closeTo(value, expected[i], tolerance)
  })

describe("tabular environments", () => {
  it.effect("FrozenLake has its known values", () =>
    Effect.gen(function* () {
      const small = yield* exactValue(yield* frozenLake({ discount: 0.9 }))
      assert.closeTo(small.values[0], 0.0688909, 5e-8)
      const large = yield* exactValue(yield* frozenLake({ map: "8x8", discount: 0.99 }))
      assert.closeTo(large.values[0], 0.4146404, 5e-8)
      const dry = yield* exactValue(yield* frozenLake({ discount: 0.9, slippery: false }))
      assert.closeTo(dry.values[0], 0.9 ** 5, 1e-8)
    })
  )

  it.effect("FrozenLake refuses maps that are none and makes random ones with a way through", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(frozenLake({ map: ["SF", "FX"] }))
      assert.strictEqual(error.message, 'state 3: FrozenLake: "X" is no cell; use S, F, H and G')
      for (let n = 0; n < 20; n++) {
        const map = yield* Environments.randomFrozenLakeMap(6, key(n))
        const mdp = yield* frozenLake({ map, slippery: false })
        assert.strictEqual(reachable(mdp, [0])[35], 1)
      }
      const few = yield* Effect.flip(Environments.randomFrozenLakeMap(4, key(1), 0))
      assert.match(few.message, /none of 10000 maps of size 4 with ice of probability 0 can be crossed/)
      const small = yield* Effect.flip(Environments.randomFrozenLakeMap(0, key(1)))
      assert.match(small.message, /size must be a whole number of at least 2, not 0/)
    })
  )

  it.effect("the chain pays 1 a move, 10 for an end, and slips with half the noise", () =>
    Effect.gen(function* () {
      const mdp = yield* chain()
      assertNear([...mdp.rewards.subarray(2, 6)], [7.75, 3.25, 1, 1])
      assert.deepStrictEqual(
        [...mdp.terminal.keys()].filter((s) => mdp.terminal[s] === 1),
        [0, 14]
      )
      const { values } = yield* exactValue(mdp)
      assert.closeTo(values[1], 9.357664233576642, 1e-8)
      assert.closeTo(values[7], 5.591240875912411, 1e-8)
    })
  )

  it.effect("Garnet has as many distinct next states as asked", () =>
    Effect.gen(function* () {
      const mdp = yield* garnet({ states: 20, actions: 5, branching: 3, key: key(1) })
      for (let pair = 0; pair < 100; pair++) {
        const next = mdp.successors.subarray(mdp.offsets[pair], mdp.offsets[pair + 1])
        assert.strictEqual(new Set(next).size, 3)
      }
      assert.isTrue(mdp.rewards.every((r) => r >= 0 && r < 1))
    })
  )

  it.effect("the cliff is walked along in 13 steps", () =>
    Effect.gen(function* () {
      const { values } = yield* exactValue(yield* cliffWalking())
      assert.closeTo(values[36], -(1 - 0.99 ** 13) / 0.01, 1e-8)
    })
  )

  it.effect("the taxi delivers", () =>
    Effect.gen(function* () {
      const mdp = yield* taxi()
      const { values } = yield* exactValue(mdp)
      // At R with the passenger aboard for R: drop off. One cell away: one step more.
      assert.closeTo(values[Environments.taxiState(0, 0, 4, 0)], 20, 1e-8)
      assert.closeTo(values[Environments.taxiState(1, 0, 4, 0)], 0.99 * 20 - 1, 1e-8)
      // From R to G and back: a wall between columns 1 and 2 in the upper rows costs a detour, 4 + 2 x 2 moves and a pick-up.
      const moves = 9
      const detour = -(1 - 0.99 ** moves) / 0.01 + 20 * 0.99 ** moves
      assert.closeTo(values[Environments.taxiState(0, 0, 0, 1)], detour, 1e-8)
    })
  )

  it.effect("rooms are joined by doors, and the reward of the last is worth its way", () =>
    Effect.gen(function* () {
      const { mdp, cells, width, start } = yield* nRoom({ rooms: 3, roomSize: 3, successProbability: 1 })
      assert.strictEqual(mdp.states, 3 * 9 + 2)
      assert.strictEqual(reachable(mdp, [start]).indexOf(0), -1)
      assert.deepStrictEqual([Math.floor(cells[start] / width), cells[start] % width], [1, 5])
      // To the right it is four moves to the reward of 1.
      const { values } = yield* exactValue(mdp, { tolerance: 1e-10 })
      assert.isAtLeast(values[start], 0.99 ** 3 - 1e-9)
    })
  )
})

// Kinetic and potential energy of two links, each with its centre half-way and moment of inertia 1.
const energy = ([t1, t2, w1, w2]: ReadonlyArray<number>) => {
  const d1 = 0.25 + 1.25 + Math.cos(t2) + 2
  const d2 = 1.25 + 0.5 * Math.cos(t2)
  const kinetic = 0.5 * d1 * w1 * w1 + d2 * w1 * w2 + 0.5 * 1.25 * w2 * w2
  return kinetic - 9.8 * (1.5 * Math.cos(t1) + 0.5 * Math.cos(t1 + t2))
}

describe("continuous environments", () => {
  it("CartPole moves as its equations say", () => {
    const source = cartPole({ noise: 0 })
    const thrust = 10 / 1.1
    const angular = -thrust / (0.5 * (4 / 3 - 0.1 / 1.1))
    const pushed = transition(source, [0, 0, 0, 0], 1)
    assertNear(pushed.next, [0, 0.02 * (thrust - (0.05 * angular) / 1.1), 0, 0.02 * angular])
    assert.deepStrictEqual([pushed.reward, pushed.terminated], [1, false])
    assert.isTrue(transition(source, [2.39, 1, 0, 0], 1).terminated)
    assert.isTrue(transition(source, [0, 0, 0.2, 1], 1).terminated)
    const mirrored = transition(source, [0.1, -0.2, -0.03, 0.4], 0).next
    assertNear(
      transition(source, [-0.1, 0.2, 0.03, -0.4], 1).next,
      mirrored.map((v) => -v)
    )
  })

  it("CartPole's noise is on the angle alone", () => {
    const [quiet, noisy] = [0, 0.1].map((noise) => transition(cartPole({ noise }), [0, 0, 0.1, 0], 0).next)
    assert.notStrictEqual(quiet[2], noisy[2])
    assert.deepStrictEqual([quiet[0], quiet[1], quiet[3]], [noisy[0], noisy[1], noisy[3]])
  })

  it("Acrobot hangs still, is symmetric, keeps its energy, and ends when its tip is up", () => {
    const source = acrobot({ noise: 0 })
    assertNear(transition(source, [0, 0, 0, 0], 1).next, [0, 0, 0, 0])
    const mirrored = transition(source, [0.3, -0.2, 0.5, 0.1], 0).next
    assertNear(
      transition(source, [-0.3, 0.2, -0.5, -0.1], 2).next,
      mirrored.map((v) => -v)
    )
    let state: ReadonlyArray<number> = [0.5, 0.2, 0, 0]
    const before = energy(state)
    for (let k = 0; k < 20; k++) state = transition(source, state, 1).next
    assert.isBelow(Math.abs(energy(state) - before), 0.02)
    const up = transition(source, [Math.PI, 0, 0, 0], 1)
    assert.deepStrictEqual([up.reward, up.terminated], [0, true])
  })

  it("MountainCar climbs only with speed", () => {
    const source = mountainCar()
    const still = transition(source, [-0.5, 0], 2)
    assertNear(still.next, [-0.5 + 0.001 - 0.0025 * Math.cos(-1.5), 0.001 - 0.0025 * Math.cos(-1.5)])
    assert.isTrue(transition(source, [0.49, 0.05], 2).terminated)
    assertNear(transition(source, [-1.19, -0.07], 0).next, [-1.2, 0])
  })
})
