import { Context, Effect, Layer, RcMap, Stream } from "effect"
import type { ActingPolicy } from "./policies/ActingPolicy.ts"
import { type Certificate, certifyBySampling, certifyExactly, type CertifyOptions } from "./Certificate.ts"
import type { MdpError, PolicyError, UvipOptionError } from "./Errors.ts"
import { stream } from "../Iteration/index.ts"
import type { Mdp } from "./mdp/Mdp.ts"
import type { TabularPolicy } from "./mdp/Policy.ts"
import {
  type SampledInfo,
  sampledIteration,
  type SampledOptions,
  sampledUpper,
  type UpperLimit
} from "./SampledUpper.ts"
import type { Simulator } from "./simulation/Simulator.ts"
import { upperProblem } from "./mdp/UpperOperator.ts"
import { checkReference, upperIteration, type UpperOptions, upperValue } from "./mdp/UpperValue.ts"
import type { ExactValue, SweepInfo } from "./mdp/ValueIteration.ts"
import type { CrewError } from "./workers/Crew.ts"
import { crewOf } from "./workers/Threads.ts"

/** How long threads wait for more to do after a certificate, as they take a while to start. */
const threadsWait = "10 seconds"

/** How far a policy is from optimal: upper value iteration (UVIP, arXiv 2105.02135), from a model or from a simulator alone. */
export class Uvip extends Context.Service<
  Uvip,
  {
    /**
     * V^up of a known MDP for a control variate f, [states], such as a policy's value: V* <= V^up in every state. Fails with `MdpError`
     * and `UvipOptionError`.
     */
    readonly exact: (
      mdp: Mdp,
      reference: Float64Array,
      options?: UpperOptions
    ) => Effect.Effect<ExactValue, MdpError | UvipOptionError>
    /** The same, sweep by sweep. */
    readonly exactStream: (
      mdp: Mdp,
      reference: Float64Array,
      options?: UpperOptions
    ) => Stream.Stream<SweepInfo, MdpError>
    /** An upper confidence limit for V* from a simulator alone. Fails with `SimulatorError`,
     * `UvipOptionError` and `WorkerThreadError`. */
    readonly sampled: (simulator: Simulator, options: SampledOptions) => Effect.Effect<UpperLimit, CrewError>
    /** The same, replication by replication, or as many at a time as there are threads. */
    readonly sampledStream: (
      simulator: Simulator,
      options: SampledOptions
    ) => Stream.Stream<SampledInfo, CrewError>
    /**
     * [V^pi, V^up] of a policy in a known MDP: nothing is left to chance.
     *
     * @example
     * const { maxGap } = yield* uvip.certify(mdp, Policy.uniform(mdp))
     */
    readonly certify: (
      mdp: Mdp,
      policy: TabularPolicy,
      options?: UpperOptions
    ) => Effect.Effect<Certificate, MdpError | PolicyError | UvipOptionError>
    /**
     * [lower limit of V^pi, upper limit of V*] of a policy from a simulator alone, with the confidence asked for.
     *
     * @example
     * const { maxGap } = yield* uvip.certifyBySampling(simulator, acting(policy), { draws: 10_000, key: key(1) })
     */
    readonly certifyBySampling: (
      simulator: Simulator,
      policy: ActingPolicy,
      options: CertifyOptions
    ) => Effect.Effect<Certificate, CrewError>
  }
>()("tesserae/UVIP/Uvip") {
  static readonly layer = Layer.effect(
    Uvip,
    Effect.gen(function* () {
      const crews = yield* RcMap.make({ lookup: crewOf, idleTimeToLive: threadsWait })
      const crewFor = ({ threads = 1 }: SampledOptions) => RcMap.get(crews, threads)
      return Uvip.of({
        exact: Effect.fn("Uvip.exact")(upperValue),
        exactStream: (mdp, reference, options = {}) =>
          Stream.unwrap(
            Effect.map(checkReference(mdp, reference), () =>
              stream(upperIteration(upperProblem(mdp, reference, options.coupling ?? "comonotone"), options))
            )
          ),
        sampled: Effect.fn("Uvip.sampled")(function* (simulator, options) {
          return yield* sampledUpper(yield* crewFor(options), simulator, options)
        }, Effect.scoped),
        sampledStream: (simulator, options) =>
          Stream.unwrap(
            Effect.flatMap(crewFor(options), (crew) =>
              Effect.map(sampledIteration(crew, simulator, options), stream)
            )
          ),
        certify: Effect.fn("Uvip.certify")(certifyExactly),
        certifyBySampling: Effect.fn("Uvip.certifyBySampling")(function* (simulator, policy, options) {
          return yield* certifyBySampling(yield* crewFor(options), simulator, policy, options)
        }, Effect.scoped)
      })
    })
  )
}
