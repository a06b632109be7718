import { stream } from "../../Random/index.ts"
import type { InitialState } from "../simulation/Gymnasium.ts"
import { simulator, type Simulator } from "../simulation/Simulator.ts"
import { madeBy } from "../simulation/SimulatorOrigin.ts"

const gravity = 9.8
const timeStep = 0.2
const fastest = [4 * Math.PI, 9 * Math.PI] as const

export interface AcrobotOptions {
  /** In [0, 1). Default 0.99. */
  readonly discount?: number | undefined
  /** A uniform number between minus and plus this is added to the torque; default 1, 0: none. */
  readonly noise?: number | undefined
}

/** Small uniform numbers, as in Gymnasium. */
export const acrobotStart: InitialState = (key, into) => {
  const random = stream(key)
  for (let i = 0; i < 4; i++) into[i] = -0.1 + 0.2 * random.uniform()
}

// Derivatives of [theta1, theta2, w1, w2]: two links of length 1 and mass 1, centres at 1/2, moments of inertia 1; the equations of
// Sutton and Barto's book.
const derivatives = (
  state: readonly [number, number, number, number],
  torque: number
): [number, number, number, number] => {
  const [theta1, theta2, w1, w2] = state
  const [cosine, sine] = [Math.cos(theta2), Math.sin(theta2)]
  const d1 = 0.25 + (1 + 0.25 + cosine) + 2
  const d2 = 0.25 + 0.5 * cosine + 1
  const phi2 = 0.5 * gravity * Math.cos(theta1 + theta2 - Math.PI / 2)
  const phi1 = -0.5 * w2 * w2 * sine - w2 * w1 * sine + 1.5 * gravity * Math.cos(theta1 - Math.PI / 2) + phi2
  const a2 = (torque + (d2 / d1) * phi1 - 0.5 * w1 * w1 * sine - phi2) / (0.25 + 1 - (d2 * d2) / d1)
  return [w1, w2, -(d2 * a2 + phi1) / d1, a2]
}

type Four = readonly [number, number, number, number]
const along = (state: Four, slope: Four, time: number): Four => [
  state[0] + time * slope[0],
  state[1] + time * slope[1],
  state[2] + time * slope[2],
  state[3] + time * slope[3]
]

const wrapped = (angle: number): number => angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI))

const clipped = (value: number, most: number): number => Math.min(Math.max(value, -most), most)

/**
 * Acrobot (Sutton, "Generalization in reinforcement learning: successful examples using sparse coarse coding", 1996), one step of Runge and Kutta a
 * transition; a state is [theta1, theta2, w1, w2], actions are torques 0: -1, 1: 0, 2: +1 on the second joint. Reward -1 a step, 0 on
 * the one that lifts the tip above one link's length, which ends the episode.
 */
export const acrobot = ({ discount = 0.99, noise = 1 }: AcrobotOptions = {}): Simulator =>
  madeBy(
    simulator({
      name: "Acrobot",
      stateSize: 4,
      actions: 3,
      discount,
      valueBounds: [-1 / (1 - discount), 0],
      transition: ([theta1, theta2, w1, w2], action, random, next) => {
        const torque = action - 1 + (noise > 0 ? noise * (2 * random.uniform() - 1) : 0)
        const state: Four = [theta1, theta2, w1, w2]
        const k1 = derivatives(state, torque)
        const k2 = derivatives(along(state, k1, timeStep / 2), torque)
        const k3 = derivatives(along(state, k2, timeStep / 2), torque)
        const k4 = derivatives(along(state, k3, timeStep), torque)
        const mean: Four = [0, 1, 2, 3].map((i) => (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]) / 6) as [
          number,
          number,
          number,
          number
        ]
        const after = along(state, mean, timeStep)
        next[0] = wrapped(after[0])
        next[1] = wrapped(after[1])
        next[2] = clipped(after[2], fastest[0])
        next[3] = clipped(after[3], fastest[1])
        const terminated = -Math.cos(next[0]) - Math.cos(next[0] + next[1]) > 1
        return { reward: terminated ? 0 : -1, terminated }
      }
    }),
    { kind: "module", url: import.meta.url, name: "acrobot", options: { discount, noise } }
  )
