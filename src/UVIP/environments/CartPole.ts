import { stream } from "../../Random/index.ts"
import type { InitialState } from "../simulation/Gymnasium.ts"
import { simulator, type Simulator, type SimulatorDescription } from "../simulation/Simulator.ts"
import { madeBy } from "../simulation/SimulatorOrigin.ts"

export const cartPoleConstants = {
  gravity: 9.8,
  poleMass: 0.1,
  totalMass: 1.1,
  halfLength: 0.5,
  force: 10,
  timeStep: 0.02,
  farthest: 2.4,
  steepest: (12 * Math.PI) / 180
} as const

const { gravity, poleMass, totalMass, halfLength, force, timeStep, farthest, steepest } = cartPoleConstants

export interface CartPoleOptions {
  /** In [0, 1). Default 0.9. */
  readonly discount?: number | undefined
  /** Standard deviation of the normal number that the new angle is multiplied by 1 + of; default 0.1, as in arXiv 2105.02135; 0: none. */
  readonly noise?: number | undefined
}

/** Small uniform numbers, as in Gymnasium. */
export const cartPoleStart: InitialState = (key, into) => {
  const random = stream(key)
  for (let i = 0; i < 4; i++) into[i] = -0.05 + 0.1 * random.uniform()
}

/** One Euler step, with the angle's noise. */
export const cartPoleTransition =
  (noise: number): SimulatorDescription["transition"] =>
  ([position, velocity, angle, spin], action, random, next) => {
    const push = action === 1 ? force : -force
    const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
    const drive = (push + poleMass * halfLength * spin * spin * sine) / totalMass
    const angular =
      (gravity * sine - cosine * drive) / (halfLength * (4 / 3 - (poleMass * cosine * cosine) / totalMass))
    const acceleration = drive - (poleMass * halfLength * angular * cosine) / totalMass
    next[0] = position + timeStep * velocity
    next[1] = velocity + timeStep * acceleration
    next[2] = angle + timeStep * spin
    if (noise > 0) next[2] *= 1 + noise * random.normal()
    next[3] = spin + timeStep * angular
    return { reward: 1, terminated: Math.abs(next[0]) > farthest || Math.abs(next[2]) > steepest }
  }

/**
 * CartPole (Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control problems", 1983), by Euler steps; a
 * state is [position, velocity, angle, angular velocity], actions push 0 left, 1 right. Reward 1 a step, the last included; ends at |position| >
 * 2.4 or |angle| > 12 degrees.
 */
export const cartPole = ({ discount = 0.9, noise = 0.1 }: CartPoleOptions = {}): Simulator =>
  madeBy(
    simulator({
      name: "CartPole",
      stateSize: 4,
      actions: 2,
      discount,
      valueBounds: [0, 1 / (1 - discount)],
      transition: cartPoleTransition(noise)
    }),
    { kind: "module", url: import.meta.url, name: "cartPole", options: { discount, noise } }
  )
