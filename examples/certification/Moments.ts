import { Effect } from "effect"
import { fold, key } from "../../src/Random/index.ts"
import {
  type Certificate,
  type CertifyOptions,
  type Coupling,
  exactValue,
  type Method,
  nearestDesign,
  simulatorOf,
  Uvip,
  visitedPoints
} from "../../src/UVIP/index.ts"
import { Progress } from "../console/Progress.ts"
import { type Candidate, continuousPolicies, tabularPolicies } from "./Policies.ts"
import { type PolicyName, policyText } from "./PolicyList.ts"
import type { ContinuousProblem, TabularProblem } from "./Problems.ts"

/** How certificates are to be made. */
export interface Settings {
  readonly method: "exact" | "sampled"
  readonly coupling: Coupling
  readonly estimator: Method
  readonly confidence: number
  /** Whether the confidence is that of all intervals at once. */
  readonly simultaneous: boolean
  readonly threads: number
}

/** A policy and its certificate. */
export interface Moment {
  readonly candidate: Candidate
  readonly certificate: Certificate
  readonly seconds: number
}

/** All certificates of a run; vstar: [points], where the model is known. */
export interface Certified {
  readonly moments: ReadonlyArray<Moment>
  readonly vstar?: Float64Array | undefined
}

const each = Effect.fnUntraced(function* <E, R>(
  candidates: ReadonlyArray<Candidate>,
  certify: (candidate: Candidate) => Effect.Effect<Certificate, E, R>
) {
  const progress = yield* Progress
  const moments: Array<Moment> = []
  for (const candidate of candidates) {
    yield* progress.show(`certifying ${policyText(candidate.name)}`, moments.length / candidates.length)
    const start = performance.now()
    const certificate = yield* certify(candidate)
    moments.push({ candidate, certificate, seconds: (performance.now() - start) / 1000 })
    yield* Effect.yieldNow
  }
  return moments
})

/** Simulator calls a pair; fewer where there are many. */
const drawsFor = (pairs: number): number => Math.max(500, Math.min(10_000, Math.round(2e6 / pairs)))

const certificateKey = key("certificate")

/** Certificates of policies where the model is known, from it or from its simulator alone. */
export const certifyTabular = Effect.fnUntraced(function* (
  problem: TabularProblem,
  names: ReadonlyArray<PolicyName>,
  { method, coupling, estimator, confidence, simultaneous, threads }: Settings
) {
  const uvip = yield* Uvip
  const { mdp } = problem
  const candidates = yield* tabularPolicies(problem, names)
  const { values } = yield* exactValue(mdp)
  if (method === "exact") {
    const moments = yield* each(candidates, ({ table }) =>
      table === undefined
        ? Effect.die(new Error("a policy of numbered states has a table"))
        : uvip.certify(mdp, table, { coupling })
    )
    return { moments, vstar: values } satisfies Certified
  }
  const draws = drawsFor(mdp.states * mdp.actions)
  const moments = yield* each(candidates, (candidate) =>
    uvip.certifyBySampling(simulatorOf(mdp, problem.name), candidate.acting, {
      method: estimator,
      noise: coupling === "independent" ? "independent" : "shared",
      confidence,
      simultaneous,
      draws,
      threads,
      key: certificateKey
    })
  )
  return { moments, vstar: Float64Array.from(moments[0].certificate.points, (state) => values[state]) }
})

/** Certificates of policies in continuous states, all at the same points, which they visit, together with a random one. */
export const certifyContinuous = Effect.fnUntraced(function* (
  problem: ContinuousProblem,
  names: ReadonlyArray<PolicyName>,
  { coupling, estimator, confidence, simultaneous, threads }: Settings
) {
  const uvip = yield* Uvip
  const { simulator, scale, neighbours, draws, start: initialState } = problem
  const candidates = yield* continuousPolicies(problem, names)
  const count = Math.ceil(problem.points / candidates.length)
  const visited = yield* Effect.forEach(candidates, (candidate, i) =>
    visitedPoints(simulator, candidate.acting, {
      initialState,
      count,
      key: fold(key("points"), i)
    })
  )
  const points = Float64Array.from(visited.flatMap((part) => [...part]))
  const design = yield* nearestDesign({ points, stateSize: simulator.stateSize, scale, neighbours })
  const moments = yield* each(candidates, (candidate) => {
    const options: CertifyOptions = {
      method: estimator,
      noise: coupling === "independent" ? "independent" : "shared",
      confidence,
      simultaneous,
      design,
      draws,
      episodes: 100,
      baseline: candidate.acting,
      threads,
      key: certificateKey
    }
    return uvip.certifyBySampling(simulator, candidate.acting, options)
  })
  return { moments } satisfies Certified
})
