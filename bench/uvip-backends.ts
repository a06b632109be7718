import { Effect } from "effect"
import { key } from "../src/Random/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import {
  backendCrew,
  type Crew,
  type Design,
  Environments,
  nearestDesign,
  ownThread,
  type ReplicationProblem,
  sampler,
  tableDesign,
  tensorCartPole,
  tensorSimulatorOf,
  type TensorSimulator,
  uniformPoints
} from "../src/UVIP/index.ts"
import { measuredBackends } from "./MeasuredBackends.ts"
import type { Report } from "./Report.ts"

const box = [
  [-2.4, 2.4],
  [-2, 2],
  [-0.2, 0.2],
  [-2, 2]
] as const

const cartPole = (points: number, neighbours = 4) =>
  Effect.gen(function* () {
    const source = tensorCartPole()
    const design = yield* nearestDesign({
      points: uniformPoints(box, points, key("points")),
      stateSize: 4,
      scale: [2.4, 2, 0.2, 2],
      neighbours
    })
    return [source, design] as const
  })

const garnet = Effect.gen(function* () {
  const mdp = yield* Environments.garnet({ states: 1000, actions: 4, branching: 5, key: key("garnet") })
  const source = yield* tensorSimulatorOf(mdp)
  return [source, yield* tableDesign(source.host)] as const
})

const problems = [
  { name: "Garnet, 1,000 states", make: garnet },
  { name: "CartPole, 100 points, 4 nearest", make: cartPole(100) },
  { name: "CartPole, 1,000 points, 1 nearest", make: cartPole(1000, 1) }
]
const sweeps = 2
const estimators = ["max-of-means", "paper"] as const

/** Half of the draws go into the reference means, the other half into two sweeps; 2^n of each pair in all. */
const problemOf = (
  { host }: TensorSimulator,
  design: Design,
  estimator: (typeof estimators)[number],
  draws: number
): Omit<ReplicationProblem, "key"> => ({
  sampler: sampler(host, design),
  reference: new Float64Array(design.count),
  estimator,
  noise: "shared",
  referenceDraws: new Int32Array(design.count * host.actions).fill(draws / 2),
  sweepDraws: draws / 4
})

/** Of a pair, and in a replication: where draws are as dear as can be, and as many as anyone would wait for. */
const [fewest, most] = [16, 2 ** 27]

/** Draws a second: of ever larger replications until one takes as long as was given; its values too. */
const speedOf = Effect.fnUntraced(function* <E>(
  crew: Pick<Crew<E>, "replicate">,
  problem: (draws: number) => Omit<ReplicationProblem, "key">,
  seconds: number
) {
  for (let draws = fewest; ; draws *= 4) {
    const start = performance.now()
    const { simulatorCalls, values } = yield* crew.replicate({ ...problem(draws), key: key("speed") }, sweeps)
    const took = (performance.now() - start) / 1000
    // The first one, which warms up, never counts.
    if (draws > fewest && (took >= seconds || 4 * simulatorCalls > most))
      return { draws: simulatorCalls, speed: simulatorCalls / took, values }
  }
})

const rootMeanSquare = (a: Float64Array, b: Float64Array): number =>
  Math.sqrt(a.reduce((sum, value, x) => sum + (value - b[x]) ** 2, 0) / a.length)

/**
 * Millions of draws a second of replications, inner loop on the host and on backends, of a tabular problem and of CartPole, whose values come from the
 * nearest of its design points. "difference" is the root mean square between the values found and the host's: the
 * noise and the upward bias of the one with fewer draws.
 */
export const uvipBackends = Effect.fn("bench.uvipBackends")(function* (seconds: number) {
  const rows: Array<Record<string, string | number>> = []
  const versions: Array<string> = []
  const hosts = new Map<string, { readonly speed: number; readonly values: Float64Array }>()
  const measure = Effect.fnUntraced(function* <E, R>(
    backend: string,
    crewFor: (source: TensorSimulator) => Effect.Effect<Pick<Crew<E>, "replicate">, never, R>
  ) {
    for (const { name, make } of problems) {
      const [source, design] = yield* make
      const crew = yield* crewFor(source)
      for (const estimator of estimators) {
        const found = yield* speedOf(crew, (draws) => problemOf(source, design, estimator, draws), seconds)
        const host = hosts.get(`${name}, ${estimator}`)
        if (host === undefined) hosts.set(`${name}, ${estimator}`, found)
        rows.push({
          problem: name,
          estimator,
          backend,
          draws: found.draws,
          "million draws/s": found.speed / 1e6,
          ...(host && {
            "times the host": found.speed / host.speed,
            difference: rootMeanSquare(found.values, host.values)
          })
        })
      }
    }
  })
  yield* measure("host, one thread", () => Effect.succeed(ownThread))
  for (const [label, layer] of measuredBackends)
    yield* Effect.gen(function* () {
      versions.push(`${label}: ${(yield* Backend).description}`)
      yield* measure(label, backendCrew)
    }).pipe(
      Effect.scoped,
      Effect.provide(layer),
      Effect.catchTag("BackendUnavailable", (error) =>
        Effect.sync(() => versions.push(`${label} is absent: ${error.message}`))
      )
    )
  return { name: "uvip-backends", versions, rows } satisfies Report
})
