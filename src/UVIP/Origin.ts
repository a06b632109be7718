import type { ActingPolicy } from "./ActingPolicy.ts"
import type { Design, NearestOptions } from "./Design.ts"
import type { LinearPolicy } from "./LinearPolicy.ts"
import type { Mdp } from "./Mdp.ts"
import type { NetworkPolicy } from "./Network.ts"
import type { TabularPolicy } from "./Policy.ts"
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

export type PolicyOrigin =
  | { readonly kind: "tabular"; readonly policy: TabularPolicy }
  | { readonly kind: "linear"; readonly policy: LinearPolicy }
  | { readonly kind: "network"; readonly policy: NetworkPolicy }
  | { readonly kind: "random"; readonly actions: number }

export type DesignOrigin =
  | { readonly kind: "table" }
  | { readonly kind: "nearest"; readonly options: NearestOptions }

// Beside the objects and not in them: `{ ...simulator, sample }` is another simulator, and must not carry the origin of the first.
const simulators = new WeakMap<Simulator, SimulatorOrigin>()
const policies = new WeakMap<ActingPolicy, PolicyOrigin>()
const designs = new WeakMap<Design, DesignOrigin>()

/** Notes how a simulator was made, and returns it. */
export const madeBy = <S extends Simulator>(source: S, origin: SimulatorOrigin | undefined): S => {
  if (origin !== undefined) simulators.set(source, origin)
  return source
}

export const policyMadeBy = (policy: ActingPolicy, origin: PolicyOrigin): ActingPolicy => {
  policies.set(policy, origin)
  return policy
}

export const designMadeBy = (design: Design, origin: DesignOrigin): Design => {
  designs.set(design, origin)
  return design
}

/** undefined where only this thread has it. */
export const originOfSimulator = (source: Simulator): SimulatorOrigin | undefined => simulators.get(source)
export const originOfPolicy = (policy: ActingPolicy): PolicyOrigin | undefined => policies.get(policy)
export const originOfDesign = (design: Design): DesignOrigin | undefined => designs.get(design)
