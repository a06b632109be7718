import { Effect } from "effect"
import { fold, key, stream } from "../src/Random/index.ts"
import {
  bellmanSweep,
  type Coupling,
  Environments,
  exactValue,
  fileOfMdp,
  Mdp,
  type Method,
  Policy,
  policyValue,
  simulatorOf,
  upperProblem,
  upperStart,
  upperStep,
  Uvip
} from "../src/UVIP/index.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"
import { medianSeconds } from "./Timing.ts"

type Sweep = "Bellman" | Coupling

interface PeerResult {
  readonly versions: ReadonlyArray<string>
  /** By the names of the problems: microseconds of numpy's sweeps, and Storm's seconds and values. */
  readonly problems: Readonly<
    Record<
      string,
      {
        readonly sweeps: Readonly<Partial<Record<Sweep, number>>>
        readonly storm?: number
        readonly stormValues?: ReadonlyArray<number>
      }
    >
  >
}

const sweeps: ReadonlyArray<Sweep> = ["Bellman", "independent", "shared", "comonotone"]
const actions = 4
const branching = 5
const sparseDiscount = 0.95
const sparseStates = [1000, 10_000, 100_000]
const tolerance = 1e-6

/** Each pair leads to `branching` states, uniformly chosen, with normalised uniform probabilities, and pays a uniform reward. */
const randomSparse = (states: number) => {
  const random = stream(key(states))
  const outcomes = states * actions * branching
  const offsets = Int32Array.from({ length: states * actions + 1 }, (_, pair) => pair * branching)
  const successors = new Int32Array(outcomes).map(() => random.integer(states))
  const probabilities = new Float64Array(outcomes).map(() => random.uniform())
  for (let first = 0; first < outcomes; first += branching) {
    const row = probabilities.subarray(first, first + branching)
    const total = row.reduce((a, b) => a + b)
    row.forEach((p, j) => {
      row[j] = p / total
    })
  }
  return Mdp.fromArrays({
    states,
    actions,
    discount: sparseDiscount,
    offsets,
    successors,
    probabilities,
    rewards: new Float64Array(states * actions).map(() => random.uniform()),
    outcomeRewards: undefined,
    terminal: new Uint8Array(states)
  })
}

const small = {
  "FrozenLake 4x4": Environments.frozenLake({ discount: 0.9, reward: 10 }),
  "Chain 15": Environments.chain(),
  "Garnet 20/5/2": Environments.garnet({ states: 20, actions: 5, branching: 2, key: key(42) })
}

const measureSweeps = (mdp: Mdp, f: Float64Array, seconds: number): Record<Sweep, number> => {
  let values = bellmanSweep(mdp, f)
  // Of small problems many at a time: a clock has microseconds at best.
  const times = Math.max(1, Math.ceil(20_000 / mdp.successors.length))
  const each = (run: () => void) =>
    (medianSeconds(() => {
      for (let k = 0; k < times; k++) run()
    }, seconds) /
      times) *
    1e6
  const upper = (coupling: Coupling) => {
    const problem = upperProblem(mdp, f, coupling)
    let state = upperStart(problem)
    return each(() => {
      ;[state] = upperStep(problem, state)
    })
  }
  return {
    Bellman: each(() => {
      values = bellmanSweep(mdp, values)
    }),
    independent: upper("independent"),
    shared: upper("shared"),
    comonotone: upper("comonotone")
  }
}

/** What the work gives, and the least seconds of three times: the first of them compiles. */
const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let seconds = Infinity
    for (let k = 0; ; k++) {
      const start = performance.now()
      const result = yield* work
      seconds = Math.min(seconds, (performance.now() - start) / 1000)
      if (k === 2) return { result, seconds }
    }
  })

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(b).reduce((most, value, i) => Math.max(most, Math.abs(value - a[i])), 0)

/**
 * Microseconds of a sweep, plain and of the three couplings, on small MDPs and on random sparse ones of 4 actions and 5 next states, the control
 * variate the uniform policy's value; against numpy. V* to 1e-6 against Storm; V^up to 1e-6 from the policy on.
 */
export const uvip = Effect.fn("bench.uvip")(function* (seconds: number) {
  const sparse = Object.fromEntries(
    sparseStates.map((states) => [`${states.toLocaleString("en")} states`, states])
  )
  const problems = new Map<string, Mdp>()
  for (const [name, problem] of Object.entries(small)) problems.set(name, yield* problem)
  for (const [name, states] of Object.entries(sparse)) problems.set(name, yield* randomSparse(states))
  const peer = runPeer<PeerResult>("uvip", {
    small: Object.fromEntries(Object.keys(small).map((name) => [name, fileOfMdp(problems.get(name) as Mdp)])),
    sparse,
    actions,
    branching,
    discount: sparseDiscount,
    tolerance,
    seconds
  })
  const rows: Array<Record<string, string | number>> = []
  for (const [name, mdp] of problems) {
    const own = isAbsent(peer) ? undefined : peer.problems[name]
    const policy = yield* timed(policyValue(mdp, Policy.uniform(mdp)))
    const measured = measureSweeps(mdp, policy.result, seconds)
    for (const sweep of sweeps) {
      const numpy = own?.sweeps[sweep]
      rows.push({
        problem: name,
        what: `${sweep} sweep`,
        microseconds: measured[sweep],
        "ns an outcome": (measured[sweep] * 1000) / mdp.successors.length,
        "of Bellman's": measured[sweep] / measured.Bellman,
        ...(numpy === undefined ? {} : { "numpy takes": numpy / measured[sweep] })
      })
    }
    const best = yield* timed(exactValue(mdp, { tolerance }))
    const difference =
      own?.stormValues === undefined ? undefined : distance(best.result.values, own.stormValues)
    rows.push({
      problem: name,
      what: "V* to 1e-6",
      microseconds: best.seconds * 1e6,
      ...(own?.storm === undefined ? {} : { "Storm takes": own.storm / best.seconds }),
      ...(difference === undefined ? {} : { "difference to Storm": difference })
    })
    const upper = yield* timed(
      Effect.provide(
        Effect.flatMap(Uvip, (service) => service.certify(mdp, Policy.uniform(mdp), { tolerance })),
        Uvip.layer
      )
    )
    rows.push({
      problem: name,
      what: "certificate to 1e-6, V^pi included",
      microseconds: upper.seconds * 1e6
    })
  }
  return {
    name: "uvip",
    versions: isAbsent(peer) ? [`peers absent: ${peer.absent}`] : peer.versions,
    rows
  } satisfies Report
})

const methods: ReadonlyArray<Method> = ["paper", "sorted", "max-of-means", "piloted"]
const repetitions = 1000
const confidence = 0.95

/**
 * Each method 1,000 times at equal calls on FrozenLake and Garnet, the uniform policy's value as control variate: the share of limits that cover V*, in the
 * state where it is least, and the largest excess over V*, on average; `seconds` is not used.
 */
export const uvipCoverage = Effect.fn("bench.uvipCoverage")(function* (_seconds: number) {
  const rows: Array<Record<string, string | number>> = []
  const service = yield* Uvip
  for (const [name, problem] of Object.entries(small)) {
    if (name.startsWith("Chain")) continue
    const mdp = yield* problem
    const kept = (values: Float64Array) => values.filter((_, state) => mdp.terminal[state] === 0)
    const best = kept((yield* exactValue(mdp, { tolerance: 1e-12 })).values)
    const reference = kept(yield* policyValue(mdp, Policy.uniform(mdp)))
    for (const draws of [1000, 5000]) {
      let paper = 0
      for (const method of methods) {
        const covered = new Int32Array(best.length)
        let [excess, calls] = [0, 0]
        for (let n = 0; n < repetitions; n++) {
          const found = yield* service.sampled(simulatorOf(mdp), {
            method,
            draws,
            confidence,
            reference,
            key: fold(key("coverage"), n)
          })
          let most = 0
          found.limit.forEach((value, x) => {
            if (value >= best[x] - 1e-12) covered[x]++
            most = Math.max(most, value - best[x])
          })
          excess += most / repetitions
          calls = found.simulatorCalls
        }
        if (method === "paper") paper = excess
        rows.push({
          problem: name,
          method,
          "calls a pair": Math.round(calls / (best.length * mdp.actions)),
          "least coverage": Math.min(...covered) / repetitions,
          "largest excess over V*": excess,
          "paper's over this": paper / excess
        })
      }
    }
  }
  return { name: "uvip-coverage", versions: [`confidence ${confidence}`], rows } satisfies Report
}, Effect.provide(Uvip.layer))
