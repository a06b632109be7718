import { Effect } from "effect"
import { type Iteration, run } from "../../src/Iteration/index.ts"
import { key } from "../../src/Random/index.ts"
import {
  acting,
  type ActingPolicy,
  actingAtRandom,
  actingOfFile,
  actorCritic,
  actorCriticPolicyOf,
  bellmanSweep,
  linearActing,
  type LinearPolicy,
  linearPolicyOf,
  linearSearch,
  networkActing,
  type NetworkPolicy,
  optimalPolicy,
  parsePolicyFile,
  Policy,
  PolicyError,
  type PolicyFile,
  reinforce,
  simulatorOf,
  type TabularPolicy
} from "../../src/UVIP/index.ts"
import { Progress } from "../console/Progress.ts"
import { type PolicyName, policyText } from "./PolicyList.ts"
import type { ContinuousProblem, Problem, TabularProblem } from "./Problems.ts"
import { readText } from "./TextFile.ts"

/** A policy to be certified. */
export interface Candidate {
  readonly name: PolicyName
  readonly acting: ActingPolicy
  /** In problems of numbered states. */
  readonly table?: TabularPolicy | undefined
  /** How it is written down; undefined where no file can hold it. */
  readonly file?: PolicyFile | undefined
}

/** Episodes of one update of REINFORCE. */
const episodes = 20

const rowsOf = (values: Float64Array, width: number): Array<Array<number>> =>
  Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)])

const tabular = (name: PolicyName, table: TabularPolicy): Candidate => ({
  name,
  acting: acting(table),
  table,
  file: { kind: "tabular", probabilities: rowsOf(table.probabilities, table.actions) }
})

const linear = (name: PolicyName, policy: LinearPolicy): Candidate => ({
  name,
  acting: linearActing(policy),
  file: {
    kind: "linear",
    weights: rowsOf(policy.weights, policy.stateSize + 1),
    scale: [...policy.scale]
  }
})

const network = (name: PolicyName, policy: NetworkPolicy): Candidate => ({
  name,
  acting: networkActing(policy),
  file: {
    kind: "network",
    sizes: policy.network.sizes,
    weights: policy.network.weights.map((weights) => [...weights]),
    biases: policy.network.biases.map((biases) => [...biases]),
    scale: [...policy.scale],
    isGreedy: policy.isGreedy
  }
})

/** The states of an iteration after the given counts of steps. */
const statesAt = Effect.fnUntraced(function* <State, Info, E>(
  iteration: Iteration<State, Info, E>,
  counts: ReadonlyArray<number>,
  label: string
) {
  const progress = yield* Progress
  const most = Math.max(...counts)
  const found = new Map<number, State>()
  let state = yield* iteration.init
  for (let step = 0; ; step++) {
    if (counts.includes(step)) found.set(step, state)
    if (step === most) return found
    ;[state] = yield* iteration.step(state)
    if (step % 10 === 0) {
      yield* progress.show(label, step / most)
      yield* Effect.yieldNow
    }
  }
})

const amountsOf = (names: ReadonlyArray<PolicyName>, kind: PolicyName["kind"]): ReadonlyArray<number> =>
  names.flatMap((name) => ("amount" in name && name.kind === kind ? [name.amount] : []))

const unfit = (name: PolicyName, problem: Problem, instead: string) =>
  new PolicyError({ reason: `"${policyText(name)}" is not for ${problem.name}; ${instead}` })

const readPolicy = Effect.fnUntraced(function* (name: PolicyName & { readonly kind: "file" }) {
  const text = yield* readText(name.path).pipe(
    Effect.mapError(
      (reason) =>
        new PolicyError({
          reason: `"${name.path}" is no policy that has a name (uniform, optimal, vi:SWEEPS, reinforce:EPISODES, linear, actor-critic:UPDATES), and as a file cannot be read: ${reason}`
        })
    )
  )
  return yield* parsePolicyFile(text).pipe(
    Effect.mapError(({ reason }) => new PolicyError({ reason: `${name.path}: ${reason}` }))
  )
})

/** Policies for a problem of numbered states. Fails with `PolicyError` for those that are for another kind of problem. */
export const tabularPolicies = Effect.fnUntraced(function* (
  problem: TabularProblem,
  names: ReadonlyArray<PolicyName>
) {
  const { mdp, start } = problem
  const source = simulatorOf(mdp, problem.name)
  const updates = (amount: number) => Math.ceil(amount / episodes)
  const amounts = amountsOf(names, "reinforce")
  const learned =
    amounts.length === 0
      ? undefined
      : yield* statesAt(
          yield* reinforce(source, {
            initialState: start,
            updates: Math.max(1, ...amounts.map(updates)),
            episodes,
            key: key("reinforce")
          }),
          amounts.map(updates),
          "REINFORCE"
        )
  return yield* Effect.forEach(
    names,
    Effect.fnUntraced(function* (name) {
      switch (name.kind) {
        case "uniform":
          return tabular(name, Policy.uniform(mdp))
        case "optimal":
          return tabular(name, (yield* optimalPolicy(mdp)).policy)
        case "vi": {
          let values = new Float64Array(mdp.states)
          for (let sweep = 0; sweep < name.amount; sweep++)
            values = Float64Array.from(bellmanSweep(mdp, values))
          return tabular(name, Policy.greedy(mdp, values))
        }
        case "reinforce": {
          const state = learned?.get(updates(name.amount))
          if (state === undefined) return yield* Effect.die(new Error("the training has no such moment"))
          return tabular(
            { kind: "reinforce", amount: updates(name.amount) * episodes },
            Policy.softmax(state.logits, mdp.actions)
          )
        }
        case "file": {
          const file = yield* readPolicy(name)
          if (file.kind !== "tabular")
            return yield* unfit(name, problem, "its states are numbered, so the file's kind must be tabular")
          yield* actingOfFile(file, source)
          return tabular(name, yield* Policy.make(file.probabilities))
        }
        default:
          return yield* unfit(name, problem, "its states are numbered: use uniform, optimal, vi or reinforce")
      }
    })
  )
})

/** Of actor and critic: small, as certificates have them act millions of times. */
const hidden = [16, 16]

/** Rewards that training looks ahead to, whatever the certificate's discount is. */
const trainingDiscount = 0.99

/** Policies for a problem of continuous states. Fails with `PolicyError` for those that need numbered ones. */
export const continuousPolicies = Effect.fnUntraced(function* (
  problem: ContinuousProblem,
  names: ReadonlyArray<PolicyName>
) {
  const { simulator, start: initialState, scale, maxSteps } = problem
  const progress = yield* Progress
  const amounts = amountsOf(names, "actor-critic")
  const learned =
    amounts.length === 0
      ? undefined
      : yield* statesAt(
          yield* actorCritic(simulator, {
            initialState,
            scale,
            maxSteps,
            updates: Math.max(1, ...amounts),
            hidden,
            discount: trainingDiscount,
            key: key("actor-critic")
          }),
          amounts,
          "actor-critic"
        )
  return yield* Effect.forEach(
    names,
    Effect.fnUntraced(function* (name) {
      switch (name.kind) {
        case "uniform":
          return { name, acting: actingAtRandom(simulator.actions) }
        case "linear": {
          yield* progress.show("searching a linear controller")
          const search = yield* linearSearch(simulator, {
            initialState,
            scale,
            horizon: maxSteps,
            discount: 1,
            key: key("linear")
          })
          const state = yield* run(search)
          return linear(name, linearPolicyOf(simulator, state, scale))
        }
        case "actor-critic": {
          const state = learned?.get(name.amount)
          if (state === undefined) return yield* Effect.die(new Error("the training has no such moment"))
          return network(name, actorCriticPolicyOf(simulator, state, scale))
        }
        case "file": {
          const file = yield* readPolicy(name)
          return { name, acting: yield* actingOfFile(file, simulator), file }
        }
        default:
          return yield* unfit(
            name,
            problem,
            "its states are not numbered: use uniform, linear, actor-critic or a file"
          )
      }
    })
  )
})
