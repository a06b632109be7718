import { Context, Effect, Layer } from "effect"
import type { Backend } from "../Tensor/index.ts"
import { type Chains, column } from "./Chains.ts"
import { summarise, type Summary } from "./diagnostics/Summary.ts"
import type { ChainError } from "./Errors.ts"
import { type ControlVariate } from "./fit/ControlVariate.ts"
import { type FitError, fitControlVariate } from "./fit/Fit.ts"
import type { FitOptions } from "./fit/FitOptions.ts"
import { evaluateControlVariate, reduceVariance, type Reduction } from "./fit/Reduction.ts"
import type { Functionals } from "./Functionals.ts"
import { sample, type Sampled, type SampleError, type SampleOptions } from "./samplers/Sampling.ts"
import type { Target } from "./targets/Target.ts"

/** The same samples, smaller error bars: Stein control variates chosen by asymptotic variance (arXiv 1910.03643), and chain diagnostics. */
export class ControlVariates extends Context.Service<
  ControlVariates,
  {
    /**
     * Posterior means with and without a control variate from draws and their scores, cross-fitted. Fails with `ChainError` for
     * chains without scores, `ControlVariateOptionError`, and `NumericalError` where no candidate has a minimum.
     *
     * @example
     * const { estimates, warnings } = yield* variates.reduce(chains, coordinates(chains))
     */
    readonly reduce: (
      chains: Chains,
      functionals: Functionals,
      options?: FitOptions
    ) => Effect.Effect<Reduction, FitError, Backend>
    /**
     * A control variate from training chains. Fails as `reduce` does.
     *
     * @example
     * const variate = yield* variates.fit(training, squares(training), { degree: 2, objective: "esvm", window: 20 })
     */
    readonly fit: (
      chains: Chains,
      functionals: Functionals,
      options?: FitOptions
    ) => Effect.Effect<ControlVariate, FitError, Backend>
    /** What it does for fresh chains. Fails with `ChainError` where they do not fit to it. */
    readonly evaluate: (
      variate: ControlVariate,
      chains: Chains,
      functionals: Functionals
    ) => Effect.Effect<Reduction, ChainError>
    /**
     * Draws of a target by several chains, with their scores. Fails as `sample` does.
     *
     * @example
     * const { chains } = yield* variates.sample(target, { kernel: noUTurn(), draws: 1000, key: key(1) })
     */
    readonly sample: (target: Target, options: SampleOptions) => Effect.Effect<Sampled, SampleError>
    /** Means, deviations, their errors, effective sample sizes and R-hat of every dimension (Vehtari et al. 2021). */
    readonly summarise: (chains: Chains) => Effect.Effect<ReadonlyArray<Summary>>
  }
>()("tesserae/ControlVariates/ControlVariates") {
  static readonly layer = Layer.sync(ControlVariates, () =>
    ControlVariates.of({
      reduce: Effect.fn("ControlVariates.reduce")(reduceVariance),
      fit: Effect.fn("ControlVariates.fit")(fitControlVariate),
      evaluate: Effect.fn("ControlVariates.evaluate")(evaluateControlVariate),
      sample: Effect.fn("ControlVariates.sample")(sample),
      summarise: Effect.fn("ControlVariates.summarise")((chains: Chains) =>
        Effect.forEach(chains.names, (name, i) =>
          Effect.as(Effect.yieldNow, summarise(name, column(chains, i), chains.chains))
        )
      )
    })
  )
}
