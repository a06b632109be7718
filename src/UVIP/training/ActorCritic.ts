import { Effect } from "effect"
import { upload } from "../../Tensor/Host.ts"
import { fold, stream } from "../../Random/index.ts"
import {
  Backend,
  compute,
  NumericalError,
  type Operations,
  Tensor,
  type TensorError
} from "../../Tensor/index.ts"
import { networkActing } from "../policies/ActingPolicy.ts"
import {
  actorCriticLoss,
  type Batch,
  forward,
  logProbabilitiesOf,
  type LossSettings,
  type NamedTensors
} from "./ActorCriticLoss.ts"
import { type ActorCriticOptions, parts, type Settings, settingsOf, shapesOf } from "./ActorCriticOptions.ts"
import { attempt, type SimulatorError, type UvipOptionError } from "../Errors.ts"
import {
  advantages,
  type Environments,
  type Experience,
  freshEnvironments,
  gather
} from "../simulation/Experience.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"
import type { Iteration } from "../../Iteration/index.ts"
import { initNetwork, type Network } from "../policies/Network.ts"
import type { NetworkPolicy } from "../policies/NetworkPolicy.ts"
import { checkSimulator, type Simulator } from "../simulation/Simulator.ts"
import { scaled, scaleOf } from "../policies/StateScale.ts"

type Named = Readonly<Record<string, Float64Array>>

/** Everything that the next update depends on. */
export interface ActorCriticState {
  readonly update: number
  /** `actor.weights.l`, `actor.biases.l`, `critic.weights.l`, `critic.biases.l`; weights: [inputs, outputs]. */
  readonly parameters: Named
  /** Adam's moments. */
  readonly first: Named
  readonly second: Named
  readonly environments: Environments
  readonly simulatorCalls: number
}

export interface ActorCriticInfo {
  readonly update: number
  /** Undiscounted, of the episodes that ended in this update; NaN where none did. */
  readonly meanReturn: number
  readonly episodes: number
  /** Of the last minibatch. */
  readonly loss: number
  readonly simulatorCalls: number
}

const initialState = (simulator: Simulator, settings: Settings): ActorCriticState => {
  const { sizes, key } = settings
  const parameters = Object.fromEntries(
    parts.flatMap((part) => {
      const network = initNetwork(sizes[part], fold(key, part), part === "actor" ? 0.01 : 1)
      return network.weights.flatMap((weights, l) => [
        [`${part}.weights.${l}`, weights],
        [`${part}.biases.${l}`, network.biases[l]]
      ])
    })
  )
  const zeros = () =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, values]) => [name, new Float64Array(values.length)])
    )
  return {
    update: 0,
    parameters,
    first: zeros(),
    second: zeros(),
    environments: freshEnvironments(
      simulator,
      settings.environments,
      settings.initialState,
      fold(key, "environments")
    ),
    simulatorCalls: 0
  }
}

const actorOf = (sizes: ReadonlyArray<number>, parameters: Named): Network => ({
  sizes,
  weights: sizes.slice(1).map((_, l) => parameters[`actor.weights.${l}`]),
  biases: sizes.slice(1).map((_, l) => parameters[`actor.biases.${l}`])
})

/** The policy that a training has come to: greedy, or with `isGreedy` false the one that explores. */
export const actorCriticPolicyOf = (
  { stateSize }: Pick<Simulator, "stateSize">,
  { parameters }: Pick<ActorCriticState, "parameters">,
  scale?: ReadonlyArray<number>,
  isGreedy = true
): NetworkPolicy => {
  const outputs = Object.keys(parameters)
    .filter((name) => name.startsWith("actor.biases."))
    .map((_, l) => parameters[`actor.biases.${l}`].length)
  return {
    network: actorOf([stateSize, ...outputs], parameters),
    scale: scaleOf(scale, stateSize),
    isGreedy
  }
}

/** Experience with what is learned from it, on the host: [rows, ...] each. */
interface Lesson {
  readonly states: Float64Array
  readonly taken: Float64Array
  readonly logProbabilities: Float64Array
  readonly advantages: Float64Array
  readonly targets: Float64Array
}

const takenOf = ({ actions: chosen }: Experience, actions: number): Float64Array => {
  const taken = new Float64Array(chosen.length * actions)
  chosen.forEach((action, row) => {
    taken[row * actions + action] = 1
  })
  return taken
}

// The critic speaks of values in rewards a step, whatever the discount: its outputs are then of the size of single rewards.
const valueUnit = (discount: number, maxSteps: number): number => Math.min(1 / (1 - discount), maxSteps)

// The critic's values, and how likely the actions were, before anything is changed.
const lessonOf = Effect.fnUntraced(function* (
  experience: Experience,
  parameters: NamedTensors,
  { scale, sizes, discount, trace, maxSteps }: Settings
) {
  const rows = experience.actions.length
  const layers = sizes.actor.length - 1
  const states = scaled(experience.states, rows, scale)
  const nextStates = scaled(experience.nextStates, rows, scale)
  const taken = takenOf(experience, sizes.actor[layers])
  const before = yield* compute((t) => {
    const here = upload(t.region, states, [rows, scale.length])
    const there = upload(t.region, nextStates, [rows, scale.length])
    const chosen = upload(t.region, taken, [rows, sizes.actor[layers]])
    return {
      values: forward(t, parameters, "critic", layers, here),
      nextValues: forward(t, parameters, "critic", layers, there),
      chosen: logProbabilitiesOf(t, parameters, layers, { states: here, taken: chosen }).chosen
    }
  })
  const unit = valueUnit(discount, maxSteps)
  const values = (yield* Tensor.toArray(before.values)).map((value) => value * unit)
  const nextValues = (yield* Tensor.toArray(before.nextValues)).map((value) => value * unit)
  const chosen = yield* Tensor.toArray(before.chosen)
  const gains = advantages(experience, values, nextValues, discount, trace)
  const mean = gains.reduce((a, b) => a + b, 0) / rows
  const deviation = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / rows)
  return {
    states,
    taken,
    logProbabilities: Float64Array.from(chosen),
    advantages: gains.map((gain) => (gain - mean) / (deviation + 1e-8)),
    targets: gains.map((gain, row) => (gain + values[row]) / unit)
  } satisfies Lesson
})

/** Some rows of a lesson on the device. */
const batchOf = (t: Operations, lesson: Lesson, rows: Uint32Array, settings: Settings): Batch => {
  const pick = (values: Float64Array, width: number, shape: ReadonlyArray<number>) => {
    const picked = new Float64Array(rows.length * width)
    rows.forEach((row, k) => picked.set(values.subarray(row * width, (row + 1) * width), k * width))
    return upload(t.region, picked, shape)
  }
  const [stateSize, actions] = [settings.scale.length, settings.sizes.actor.at(-1) ?? 0]
  return {
    states: pick(lesson.states, stateSize, [rows.length, stateSize]),
    taken: pick(lesson.taken, actions, [rows.length, actions]),
    logProbabilities: pick(lesson.logProbabilities, 1, [rows.length]),
    advantages: pick(lesson.advantages, 1, [rows.length]),
    targets: pick(lesson.targets, 1, [rows.length])
  }
}

const beta1 = 0.9
const beta2 = 0.999
const clipNorm = 0.5

// By its own norm: the critic's errors, which are large at first, must not take the actor's steps away.
const clipping = (t: Operations, gradients: NamedTensors, part: (typeof parts)[number]): Tensor => {
  const squares = Object.entries(gradients)
    .filter(([name]) => name.startsWith(part))
    .map(([, gradient]) => t.reshape(t.sumOfSquares(t.reshape(gradient, [-1])), [1]))
  const norm = t.sqrt(t.sum(t.concatenate(squares, 0)))
  return t.minimum(t.divide(clipNorm, t.add(norm, 1e-12)), 1)
}

/** Adam on one minibatch, in place, with clipped gradients; the loss. */
const improve = (
  t: Operations,
  tensors: {
    readonly parameters: NamedTensors
    readonly first: NamedTensors
    readonly second: NamedTensors
  },
  batch: Batch,
  loss: LossSettings,
  learningRate: number,
  step: number
): Tensor => {
  const { parameters, first, second } = tensors
  const { value, gradients } = t.valueAndGradients(parameters, () => ({
    value: actorCriticLoss(t, parameters, batch, loss)
  }))
  const scales = { actor: clipping(t, gradients, "actor"), critic: clipping(t, gradients, "critic") }
  for (const name of Object.keys(parameters))
    t.adamW(
      {
        parameter: parameters[name],
        gradient: gradients[name],
        first: first[name],
        second: second[name],
        scale: name.startsWith("actor") ? scales.actor : scales.critic
      },
      {
        learningRate,
        beta1,
        beta2,
        epsilon: 1e-5,
        weightDecay: 0,
        correction1: 1 - beta1 ** step,
        correction2: 1 - beta2 ** step
      }
    )
  return value
}

const download = (tensors: NamedTensors) =>
  Effect.map(
    Effect.forEach(Object.entries(tensors), ([name, x]) =>
      Effect.map(Tensor.toArray(x), (values) => [name, Float64Array.from(values)] as const)
    ),
    (entries): Named => Object.fromEntries(entries)
  )

const updateOnce = Effect.fnUntraced(function* (
  simulator: Simulator,
  settings: Settings,
  state: ActorCriticState
) {
  const { sizes, epochs, minibatches, updates, entropy } = settings
  const key = fold(settings.key, state.update)
  const acting = networkActing({
    network: actorOf(sizes.actor, state.parameters),
    scale: settings.scale,
    isGreedy: false
  })
  const [environments, experience] = yield* attempt<SimulatorError>()(() =>
    gather(simulator, acting, state.environments, {
      length: settings.steps,
      maxSteps: settings.maxSteps,
      initialState: settings.initialState,
      key: fold(key, "experience")
    })
  )
  const shapes = shapesOf(settings)
  const tensors = yield* compute((t) => {
    const all = (values: Named) =>
      Object.fromEntries(
        Object.entries(values).map(([name, data]) => [name, upload(t.region, data, shapes[name])])
      )
    return { parameters: all(state.parameters), first: all(state.first), second: all(state.second) }
  })
  const lesson = yield* lessonOf(experience, tensors.parameters, settings)
  const rows = experience.actions.length
  const loss = { layers: sizes.actor.length - 1, clip: 0.2, valueWeight: 0.5, entropyWeight: entropy }
  const learningRate = settings.learningRate * (1 - state.update / updates)
  const pause = timeSlice()
  let last: Tensor | undefined
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = stream(fold(fold(key, "order"), epoch)).permutation(rows)
    for (let m = 0; m < minibatches; m++) {
      const chosen = order.subarray(
        Math.floor((m * rows) / minibatches),
        Math.floor(((m + 1) * rows) / minibatches)
      )
      const step = (state.update * epochs + epoch) * minibatches + m + 1
      last = yield* compute((t) =>
        improve(t, tensors, batchOf(t, lesson, chosen, settings), loss, learningRate, step)
      )
      yield* pause
    }
  }
  const next: ActorCriticState = {
    update: state.update + 1,
    parameters: yield* download(tensors.parameters),
    first: yield* download(tensors.first),
    second: yield* download(tensors.second),
    environments,
    simulatorCalls: state.simulatorCalls + rows
  }
  if (!Object.values(next.parameters).every((values) => values.every(Number.isFinite)))
    return yield* new NumericalError({
      operation: "actorCritic",
      reason: `the parameters are no numbers any more after update ${next.update}; lower learningRate (${settings.learningRate})`
    })
  const { finished } = experience
  const info: ActorCriticInfo = {
    update: next.update,
    meanReturn: finished.reduce((a, b) => a + b, 0) / finished.length,
    episodes: finished.length,
    loss: last === undefined ? Number.NaN : yield* Tensor.toNumber(last),
    simulatorCalls: next.simulatorCalls
  }
  return [next, info] as const
}, Effect.scoped)

/**
 * Training of a softmax policy and a critic, both perceptrons, from a simulator of continuous states, one update a step: all environments go
 * some steps, advantages are estimated with bootstrapping where time was up and none where the episode had ended, and both
 * networks take some steps of Adam on the clipped surrogate (`actorCriticLoss`); with one epoch and one minibatch this is advantage actor-critic. The
 * policy of a state is `actorCriticPolicyOf(simulator, state, scale)`.
 *
 * A state is all that a training needs to go on bit for bit with the same options. Fails with `SimulatorError`, with a `TensorError`
 * (`NumericalError` where it diverges), and with `UvipOptionError` for options out of range.
 *
 * @example
 * const training = yield* actorCritic(simulator, { initialState: cartPoleStart, updates: 60, discount: 0.99, key: key(1) })
 * const state = yield* run(training)
 */
export const actorCritic = (
  simulator: Simulator,
  options: ActorCriticOptions
): Effect.Effect<
  Iteration<ActorCriticState, ActorCriticInfo, SimulatorError | TensorError>,
  UvipOptionError,
  Backend
> =>
  Effect.gen(function* () {
    const backend = yield* Backend
    const settings = yield* attempt<UvipOptionError>()(() => {
      checkSimulator(simulator)
      return settingsOf(simulator, options)
    })
    return {
      init: Effect.sync(() => initialState(simulator, settings)),
      step: (state) => updateOnce(simulator, settings, state).pipe(Effect.provideService(Backend, backend)),
      isDone: ({ update }) => update >= settings.updates
    }
  })
