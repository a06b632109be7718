import type { PolicyOrigin } from "../policies/ActingPolicy.ts"
import type { Mdp } from "../mdp/Mdp.ts"
import type { Simulator } from "./Simulator.ts"

/**
 * How a simulator was made, in data that can be sent to another thread, which functions cannot: from a model, by a module's function, or out of
 * another simulator.
 */
export type SimulatorOrigin =
  | { readonly kind: "mdp"; readonly mdp: Mdp; readonly name: string }
  | { readonly kind: "module"; readonly url: string; readonly name: string; readonly options: unknown }
  | {
      readonly kind: "improvement"
      readonly source: SimulatorOrigin
      readonly policy: PolicyOrigin
      readonly horizon: number
    }

// Beside the simulators and not in them: `{ ...simulator, sample }` is another simulator, and must not carry the origin of the first.
const origins = new WeakMap<Simulator, SimulatorOrigin>()

/** Notes how a simulator was made, and returns it. */
export const madeBy = <S extends Simulator>(source: S, origin: SimulatorOrigin | undefined): S => {
  if (origin !== undefined) origins.set(source, origin)
  return source
}

/** undefined where only this thread has it. */
export const originOfSimulator = (source: Simulator): SimulatorOrigin | undefined => origins.get(source)
