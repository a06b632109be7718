import { Effect, Schema } from "effect"
import { acting, type ActingPolicy, linearActing, networkActing } from "./ActingPolicy.ts"
import { attempt, PolicyError } from "../Errors.ts"
import { Policy } from "../mdp/Policy.ts"

const Numbers = Schema.Array(Schema.Number)
const Matrix = Schema.Array(Numbers)

/** Of numbered states: a row of probabilities for each. */
const TabularFile = Schema.Struct({ kind: Schema.Literal("tabular"), probabilities: Matrix })

/** The action of the largest score; weights: [actions][stateSize + 1], the last of a row for a constant 1. */
const LinearFile = Schema.Struct({ kind: Schema.Literal("linear"), weights: Matrix, scale: Numbers })

/** A perceptron with tanh between its layers; weights: [layers][inputs * outputs], row by row of an input's weights. */
const NetworkFile = Schema.Struct({
  kind: Schema.Literal("network"),
  sizes: Schema.Array(Schema.Int),
  weights: Matrix,
  biases: Matrix,
  scale: Numbers,
  isGreedy: Schema.Boolean
})

/** A policy as JSON, by its `kind`; `scale` is what each coordinate of a state is divided by first. */
export const PolicyFile = Schema.Union([TabularFile, LinearFile, NetworkFile])
export type PolicyFile = typeof PolicyFile.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(PolicyFile))

/** A policy file's contents, unchecked beyond their form. Fails with `PolicyError`. */
export const parsePolicyFile = (text: string): Effect.Effect<PolicyFile, PolicyError> =>
  decode(text).pipe(
    Effect.mapError((error) => new PolicyError({ reason: `not a policy file: ${error.message}` }))
  )

const wrong = (reason: string) => new PolicyError({ reason })

const checkFinite = (name: string, rows: ReadonlyArray<ReadonlyArray<number>>): void => {
  for (const [i, row] of rows.entries())
    if (!row.every(Number.isFinite)) throw wrong(`${name}[${i}] has a number that is not finite`)
}

const checkScale = (scale: ReadonlyArray<number>, stateSize: number): void => {
  if (scale.length !== stateSize || !scale.every((s) => s > 0 && s < Infinity))
    throw wrong(`scale must be ${stateSize} positive numbers, not [${scale.join(", ")}]`)
}

const linearOf = (
  { weights, scale }: typeof LinearFile.Type,
  stateSize: number,
  actions: number
): ActingPolicy => {
  if (weights.length !== actions || !weights.every((row) => row.length === stateSize + 1))
    throw wrong(
      `weights must be ${actions} rows of ${stateSize + 1}, not ${weights.length} of ${weights[0]?.length ?? 0}`
    )
  checkFinite("weights", weights)
  checkScale(scale, stateSize)
  return linearActing({
    stateSize,
    actions,
    weights: Float64Array.from(weights.flat()),
    scale: Float64Array.from(scale)
  })
}

const arraysOf = (rows: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<Float64Array> =>
  rows.map((row) => Float64Array.from(row))

const networkOf = (
  { sizes, weights, biases, scale, isGreedy }: typeof NetworkFile.Type,
  stateSize: number,
  actions: number
): ActingPolicy => {
  if (sizes.length < 2 || sizes[0] !== stateSize || sizes[sizes.length - 1] !== actions)
    throw wrong(
      `sizes must begin with ${stateSize}, the size of a state, and end with ${actions}, the count of actions, not be [${sizes.join(", ")}]`
    )
  const layers = sizes.length - 1
  if (weights.length !== layers || biases.length !== layers)
    throw wrong(`sizes speaks of ${layers} layers, weights has ${weights.length} and biases ${biases.length}`)
  for (let l = 0; l < layers; l++)
    if (weights[l].length !== sizes[l] * sizes[l + 1] || biases[l].length !== sizes[l + 1])
      throw wrong(
        `layer ${l} must have ${sizes[l] * sizes[l + 1]} weights and ${sizes[l + 1]} biases, not ${weights[l].length} and ${biases[l].length}`
      )
  checkFinite("weights", weights)
  checkFinite("biases", biases)
  checkScale(scale, stateSize)
  return networkActing({
    network: { sizes, weights: arraysOf(weights), biases: arraysOf(biases) },
    scale: Float64Array.from(scale),
    isGreedy
  })
}

/**
 * What acts in a file, checked against the problem that it is to act in; a tabular policy must have a row for each of its states. Fails with
 * `PolicyError`.
 */
export const actingOfFile = (
  file: PolicyFile,
  problem: {
    readonly states: number | undefined
    readonly stateSize: number
    readonly actions: number
  }
): Effect.Effect<ActingPolicy, PolicyError> => {
  const { states, stateSize, actions } = problem
  switch (file.kind) {
    case "tabular":
      return Effect.flatMap(Policy.make(file.probabilities), (policy) =>
        policy.states === states && policy.actions === actions
          ? Effect.succeed(acting(policy))
          : Effect.fail(
              wrong(
                `has ${policy.states} rows of ${policy.actions}, the problem ${states ?? "no numbered"} states and ${actions} actions`
              )
            )
      )
    case "linear":
      return attempt<PolicyError>()(() => linearOf(file, stateSize, actions))
    case "network":
      return attempt<PolicyError>()(() => networkOf(file, stateSize, actions))
  }
}
