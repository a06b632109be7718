/**
 * CartPole as in arXiv 2105.02135: upper values of recursions that go on where an episode ends, so that nothing holds them at 10.
 *
 *   pnpm tsx examples/certification/without-terminations.ts
 */
import { Console, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { key } from "../../src/Random/index.ts"
import { nearestDesign, rollouts, type Simulator, Uvip, visitedPoints } from "../../src/UVIP/index.ts"
import { backendLayer } from "../console/Backends.ts"
import { main } from "../console/Main.ts"
import { Progress } from "../console/Progress.ts"
import { type Column, table } from "../console/Table.ts"
import { continuousPolicies } from "./Policies.ts"
import { parsePolicies, policyText } from "./PolicyList.ts"
import { environmentProblem } from "./Problems.ts"

interface Row {
  readonly policy: string
  readonly value: number
  readonly upper: number
}

const columns: ReadonlyArray<Column<Row>> = [
  { heading: "policy", cell: ({ policy }) => policy, align: "left" },
  { heading: "mean value", cell: ({ value }) => value.toFixed(2) },
  { heading: "mean upper value", cell: ({ upper }) => upper.toFixed(2) }
]

const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length

/** As the simulator, but no episode ever ends, and nothing is known of values. */
const endless = (source: Simulator): Simulator => ({
  ...source,
  name: `${source.name} without terminations`,
  valueBounds: [-Infinity, Infinity],
  sample: (states, actions, noise, into) => {
    source.sample(states, actions, noise, into)
    into.terminated.fill(0)
  }
})

const withoutTerminations = Effect.gen(function* () {
  const uvip = yield* Uvip
  const problem = yield* environmentProblem("cartpole")
  if (problem._tag === "tabular") return
  const { simulator, start: initialState, scale } = problem
  const names = parsePolicies("uniform,linear,actor-critic") ?? []
  const candidates = yield* continuousPolicies(problem, names)
  const rows = yield* Effect.forEach(
    candidates,
    Effect.fnUntraced(function* ({ name, acting }) {
      const points = yield* visitedPoints(simulator, acting, { initialState, count: 200, key: key("points") })
      const { mean: value } = yield* rollouts(simulator, acting, {
        points,
        episodes: 100,
        key: key("rollouts")
      })
      const { mean: upper } = yield* uvip.sampled(endless(simulator), {
        method: "paper",
        reference: value,
        design: yield* nearestDesign({ points, stateSize: simulator.stateSize, scale, neighbours: 4 }),
        plan: { referenceDraws: 50, sweepDraws: 50, sweeps: 50, replications: 4 },
        key: key("upper")
      })
      return { policy: policyText(name), value: mean(value), upper: mean(upper) }
    })
  )
  yield* Console.log(table(rows, columns))
})

main(
  Command.make("without-terminations", {}, () =>
    withoutTerminations.pipe(
      Effect.scoped,
      Effect.provide(Layer.mergeAll(Uvip.layer, backendLayer("cpu", false), Progress.layer))
    )
  )
)
