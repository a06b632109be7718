import type { Operations, Tensor } from "../../Tensor/index.ts"
import { type CartPoleOptions, cartPole, cartPoleConstants } from "../environments/CartPole.ts"
import type { TensorSimulator } from "./TensorSimulator.ts"

/** A standard normal number of two uniform ones (Box and Muller, "A note on the generation of random normal deviates", 1958). */
const normal = (t: Operations, first: Tensor, second: Tensor): Tensor =>
  t.multiply(t.sqrt(t.multiply(t.log(t.subtract(1, first)), -2)), t.cos(t.multiply(second, 2 * Math.PI)))

/** `cartPole` on the device. */
export const tensorCartPole = (options: CartPoleOptions = {}): TensorSimulator => {
  const { noise = 0.1 } = options
  const { gravity, poleMass, totalMass, halfLength, force, timeStep, farthest, steepest } = cartPoleConstants
  return {
    host: cartPole(options),
    noiseSize: noise > 0 ? 2 : 0,
    width: 4,
    tables: () => ({}),
    transition: (t, _, [position, velocity, angle, spin], action, uniforms) => {
      const push = action === 1 ? force : -force
      const [sine, cosine] = [t.sin(angle), t.cos(angle)]
      const pull = t.multiply(t.multiply(t.square(spin), sine), poleMass * halfLength)
      const drive = t.multiply(t.add(pull, push), 1 / totalMass)
      const angular = t.divide(
        t.subtract(t.multiply(sine, gravity), t.multiply(cosine, drive)),
        t.multiply(t.subtract(4 / 3, t.multiply(t.square(cosine), poleMass / totalMass)), halfLength)
      )
      const acceleration = t.subtract(
        drive,
        t.multiply(t.multiply(angular, cosine), (poleMass * halfLength) / totalMass)
      )
      const moved = t.add(position, t.multiply(velocity, timeStep))
      const turned = t.add(angle, t.multiply(spin, timeStep))
      const tilted =
        uniforms.length === 0
          ? turned
          : t.multiply(turned, t.add(t.multiply(normal(t, uniforms[0], uniforms[1]), noise), 1))
      const stands = t.multiply(t.lessEqual(t.abs(moved), farthest), t.lessEqual(t.abs(tilted), steepest))
      return {
        nextStates: [
          moved,
          t.add(velocity, t.multiply(acceleration, timeStep)),
          tilted,
          t.add(spin, t.multiply(angular, timeStep))
        ],
        rewards: t.full(position.shape, 1, position.dtype),
        goesOn: t.cast(stands, position.dtype)
      }
    }
  }
}
