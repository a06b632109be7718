import { stream } from "../../Random/index.ts"
import type { InitialState } from "../simulation/Gymnasium.ts"
import { simulator, type Simulator } from "../simulation/Simulator.ts"
import { madeBy } from "../simulation/SimulatorOrigin.ts"

/** At rest somewhere at the bottom, as in Gymnasium. */
export const mountainCarStart: InitialState = (key, into) => {
  into[0] = -0.6 + 0.2 * stream(key).uniform()
  into[1] = 0
}

/**
 * MountainCar (Moore, "Efficient memory-based learning for robot control", 1990): a state is [position, velocity], actions accelerate 0 left, 1
 * not, 2 right; deterministic. Reward -1 a step, the last included; ends at position 0.5.
 */
export const mountainCar = ({
  discount = 0.99
}: {
  readonly discount?: number | undefined
} = {}): Simulator =>
  madeBy(
    simulator({
      name: "MountainCar",
      stateSize: 2,
      actions: 3,
      discount,
      valueBounds: [-1 / (1 - discount), 0],
      transition: ([position, velocity], action, _, next) => {
        const changed = velocity + 0.001 * (action - 1) - 0.0025 * Math.cos(3 * position)
        const speed = Math.min(Math.max(changed, -0.07), 0.07)
        next[0] = Math.min(Math.max(position + speed, -1.2), 0.6)
        // The wall on the left stops the car.
        next[1] = next[0] === -1.2 && speed < 0 ? 0 : speed
        return { reward: -1, terminated: next[0] >= 0.5 }
      }
    }),
    { kind: "module", url: import.meta.url, name: "mountainCar", options: { discount } }
  )
