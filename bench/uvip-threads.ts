import { Effect } from "effect"
import { key } from "../src/Random/index.ts"
import {
  actingAtRandom,
  type CrewError,
  Environments,
  nearestDesign,
  type SampledOptions,
  type Simulator,
  Uvip,
  visitedPoints
} from "../src/UVIP/index.ts"
import type { Report } from "./Report.ts"

const threadCounts = [1, 2]
const policy = actingAtRandom(2)

const designOf = Effect.fnUntraced(function* (
  source: Simulator,
  initialState: typeof Environments.cartPoleStart,
  scale: ReadonlyArray<number>
) {
  const points = yield* visitedPoints(source, actingAtRandom(source.actions), {
    initialState,
    count: 100,
    key: key("points")
  })
  return yield* nearestDesign({ points, stateSize: source.stateSize, scale, neighbours: 2 })
})

const cartPole = Environments.cartPole()
const acrobot = Environments.acrobot({ discount: 0.9 })

const options = (size: number, threads: number): SampledOptions => ({
  draws: 40 * size,
  key: key("threads"),
  threads
})

const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    const result = yield* work
    return { result, took: (performance.now() - start) / 1000 }
  })

/** Of what grows with `size`: an upper limit, whose pilot one thread draws, and certificates above a policy. */
const problems = Effect.gen(function* () {
  const uvip = yield* Uvip
  const poles = yield* designOf(cartPole, Environments.cartPoleStart, [2.4, 2, 0.2, 2])
  const links = yield* designOf(acrobot, Environments.acrobotStart, [3, 3, 12, 28])
  const all: Readonly<
    Record<
      string,
      (size: number, threads: number) => Effect.Effect<{ readonly simulatorCalls: number }, CrewError>
    >
  > = {
    "Acrobot, max-of-means": (size: number, threads: number) =>
      uvip.sampled(acrobot, { ...options(30 * size, threads), method: "max-of-means", design: links }),
    "Acrobot, piloted": (size: number, threads: number) =>
      uvip.sampled(acrobot, { ...options(30 * size, threads), design: links }),
    "CartPole, certificate above the random policy": (size: number, threads: number) =>
      uvip.certifyBySampling(cartPole, policy, {
        ...options(size, threads),
        design: poles,
        baseline: policy,
        episodes: 40 * size
      })
  }
  return all
})

/**
 * Seconds of sampled limits and certificates on one thread and on two, which are started before; the numbers must be the same, bit for bit. Sizes are such that
 * one thread takes about `seconds` or more.
 */
export const uvipThreads = Effect.fn("bench.uvipThreads")(function* (seconds: number) {
  const rows: Array<Record<string, string | number>> = []
  for (const [problem, at] of Object.entries(yield* problems)) {
    let size = 1
    while ((yield* timed(at(size, 1))).took < seconds) size *= 2
    const alone = yield* timed(at(size, 1))
    for (const threads of threadCounts) {
      yield* at(1, threads)
      const { result, took } = yield* timed(at(size, threads))
      rows.push({
        problem,
        threads,
        "simulator calls": result.simulatorCalls,
        seconds: took,
        "times one thread": alone.took / took,
        "same numbers": JSON.stringify(result) === JSON.stringify(alone.result) ? "yes" : "no"
      })
    }
  }
  return { name: "uvip-threads", versions: [], rows } satisfies Report
}, Effect.provide(Uvip.layer))
