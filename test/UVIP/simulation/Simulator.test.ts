import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import {
  actingAtRandom,
  Environments,
  gymnasium,
  Mdp,
  type Outcome,
  type Simulator,
  SimulatorError,
  simulator,
  simulatorOf,
  startAt,
  Uvip
} from "../../../src/UVIP/index.ts"
import { allocateTransitions, drawTransitions } from "../../../src/UVIP/simulation/Simulator.ts"

const twoNumbers = (
  transition: (state: Float64Array, action: number, next: Float64Array) => number
): Simulator =>
  simulator({
    name: "two numbers",
    stateSize: 2,
    actions: 2,
    discount: 0.9,
    valueBounds: [0, 10],
    transition: (state, action, _, next) => {
      next.set(state)
      return { reward: transition(state, action, next), terminated: false }
    }
  })

const failureOf = (source: Simulator, states: Float64Array, actions: Int32Array): SimulatorError => {
  try {
    drawTransitions(source, states, actions, key(1), allocateTransitions(actions.length, source.stateSize))
  } catch (error) {
    if (error instanceof SimulatorError) return error
  }
  return assert.fail("no SimulatorError")
}

describe("Simulator", () => {
  it.effect(
    "of an MDP draws next states as often as the MDP says: 100,000 draws, 5 standard deviations",
    () =>
      Effect.gen(function* () {
        const probabilities = [0.1, 0.2, 0.7]
        const mdp = yield* Mdp.make({
          states: 3,
          actions: 1,
          discount: 0.5,
          terminal: [2],
          outcomes: (): ReadonlyArray<Outcome> => probabilities.map((p, next) => [next, p, 10 * next])
        })
        const rows = 100_000
        const into = allocateTransitions(rows, 1)
        drawTransitions(simulatorOf(mdp), new Float64Array(rows), new Int32Array(rows), key("often"), into)
        probabilities.forEach((p, next) => {
          const count = into.nextStates.filter((state) => state === next).length
          assert.isBelow(Math.abs(count - rows * p), 5 * Math.sqrt(rows * p * (1 - p)))
        })
        into.nextStates.forEach((next, row) => {
          assert.strictEqual(into.rewards[row], 10 * next)
          assert.strictEqual(into.terminated[row], next === 2 ? 1 : 0)
        })
      })
  )

  it("names the state and the action where it throws or answers nonsense", () => {
    const states = Float64Array.of(1, 2, 3, 4)
    const actions = Int32Array.of(0, 1)
    const throwing = twoNumbers((state, action) => {
      if (state[0] === 3 && action === 1) throw new Error("no licence")
      return 0
    })
    assert.strictEqual(
      failureOf(throwing, states, actions).message,
      "simulator two numbers, state [3, 4], action 1: no licence"
    )
    assert.strictEqual(
      failureOf(
        twoNumbers((state) => (state[0] === 1 ? Number.NaN : 0)),
        states,
        actions
      ).message,
      "simulator two numbers, state [1, 2], action 0: answers with the reward NaN"
    )
    const astray = twoNumbers((state, _, next) => {
      if (state[0] === 3) next[1] = Infinity
      return 0
    })
    assert.match(failureOf(astray, states, actions).message, /state \[3, 4\], action 1: .*\[3, Infinity\]/)
    // A simulator of whole batches does not say which row it was.
    const batched: Simulator = {
      ...throwing,
      sample: (asked, chosen, _, into) => {
        if (asked.includes(3)) throw new Error("batch failed")
        into.nextStates.set(asked)
        into.rewards.fill(0, 0, chosen.length)
      }
    }
    assert.strictEqual(
      failureOf(batched, states, actions).message,
      "simulator two numbers, state [3, 4], action 1: batch failed"
    )
  })

  it.effect("fails a certificate with a typed error", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const good = simulatorOf(yield* Environments.chain())
      const bad: Simulator = {
        ...good,
        sample: (states, actions, k, into) => {
          good.sample(states, actions, k, into)
          states.forEach((state, row) => {
            if (state === 7 && actions[row] === 1) into.nextStates[row] = 15
          })
        }
      }
      const error = yield* Effect.flip(uvip.sampled(bad, { draws: 200, key: key(1) }))
      assert.strictEqual(
        error.message,
        "simulator of an MDP, state 7, action 1: answers with state 15, which is not one of 0 to 14"
      )
    }).pipe(Effect.provide(Uvip.layer))
  )
})

const answering = (sample: Simulator["sample"]): Simulator => ({
  ...twoNumbers(() => 0),
  name: "batches",
  sample
})

/** Stays where it is, for nothing. */
const answer: Simulator["sample"] = (states, actions, _, into) => {
  into.nextStates.set(states)
  into.rewards.fill(0, 0, actions.length)
}

const ask = (sample: Simulator["sample"]) =>
  failureOf(answering(sample), Float64Array.of(1, 2, 3, 4), Int32Array.of(0, 1)).message

describe("a simulator that is none", () => {
  it("is caught where it leaves rows out, is late, or knows more than two ends", () => {
    assert.match(
      ask((states, actions, k, into) => {
        answer(states, actions, k, into)
        into.nextStates.fill(Number.NaN, 2, 4)
      }),
      /state \[3, 4\], action 1: answers with the next state \[NaN, NaN\]/
    )
    assert.match(
      ask(() => undefined),
      /state \[1, 2\], action 0: answers with the reward NaN/
    )
    assert.match(
      ask(async (...all) => answer(...all)),
      /state \[1, 2\], action 0: answers with a promise/
    )
    assert.match(
      ask((states, actions, k, into) => {
        answer(states, actions, k, into)
        into.terminated[1] = 2
      }),
      /state \[3, 4\], action 1: answers with terminated 2/
    )
  })

  it.effect("is refused by what it says of itself", () =>
    Effect.gen(function* () {
      const uvip = yield* Uvip
      const good = simulatorOf(yield* Environments.chain(), "the chain")
      const wrong: ReadonlyArray<readonly [Partial<Simulator>, RegExp]> = [
        [{ discount: 1 }, /discount of the simulator the chain must be in \[0, 1\), not 1/],
        [{ actions: 0 }, /actions of the simulator the chain must be a whole number of at least 1, not 0/],
        [{ stateSize: 2 }, /stateSize of the simulator the chain must be 1 where states are numbered/],
        [
          { terminal: new Uint8Array(3) },
          /terminal of the simulator the chain must be one flag for each of the 15/
        ],
        [{ valueBounds: [1, 0] }, /valueBounds of the simulator the chain must be two numbers/],
        [{ valueBounds: [0, 1] }, /valueBounds .* not \[0, 1\]/]
      ]
      for (const [part, message] of wrong) {
        const certificate = uvip.certifyBySampling({ ...good, ...part }, actingAtRandom(2), {
          draws: 50,
          key: key(1)
        })
        assert.match((yield* Effect.flip(certificate)).message, message)
      }
    }).pipe(Effect.provide(Uvip.layer))
  )
})

describe("gymnasium", () => {
  it.effect("resets by seed, tells termination from truncation, and wants a reset after either", () =>
    Effect.gen(function* () {
      const source = simulatorOf(yield* Environments.frozenLake({ slippery: false }))
      const environment = gymnasium(source, { initialState: startAt(0), maxSteps: 3 })
      assert.match((yield* Effect.flip(environment.step(0))).message, /preceded by a reset/)
      const [observation] = yield* environment.reset({ seed: 1 })
      assert.deepStrictEqual([...observation], [0])
      assert.match((yield* Effect.flip(environment.step(4))).message, /action must be below 4, not 4/)
      // Right, then down into the hole at 5.
      assert.deepStrictEqual(yield* environment.step(2), [Float64Array.of(1), 0, false, false, { steps: 1 }])
      assert.deepStrictEqual(yield* environment.step(1), [Float64Array.of(5), 0, true, false, { steps: 2 }])
      yield* Effect.flip(environment.step(0))
      yield* environment.reset()
      for (let k = 0; k < 2; k++) yield* environment.step(0)
      const [, , terminated, truncated] = yield* environment.step(0)
      assert.deepStrictEqual([terminated, truncated], [false, true])
    })
  )

  it.effect("repeats its episodes from the same seed", () =>
    Effect.gen(function* () {
      const walk = Effect.gen(function* () {
        const environment = gymnasium(Environments.cartPole(), {
          initialState: Environments.cartPoleStart
        })
        const seen: Array<number> = []
        for (const options of [{ seed: 7 }, {}]) {
          seen.push(...(yield* environment.reset(options))[0])
          for (let done = false, k = 0; !done && k < 50; k++) {
            const [observation, , terminated] = yield* environment.step(k % 2)
            seen.push(...observation)
            done = terminated
          }
        }
        return seen
      })
      assert.deepStrictEqual(yield* walk, yield* walk)
    })
  )
})
