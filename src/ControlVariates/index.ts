/** The same samples, smaller error bars: samplers, Stein control variates, and diagnostics of Markov chains. */
export { type Chains, type ChainsInput, column, makeChains, type ScoredChains } from "./Chains.ts"
export { ControlVariates } from "./ControlVariates.ts"
export * as Diagnostics from "./diagnostics/index.ts"
export { ChainError, ControlVariateOptionError, SampleFileError, TargetError } from "./Errors.ts"
export type { ControlVariate, FittedFunctional } from "./fit/ControlVariate.ts"
export type { Estimate } from "./fit/Estimate.ts"
export type { FitError } from "./fit/Fit.ts"
export type { FeatureChoice, FitOptions, Objective } from "./fit/FitOptions.ts"
export type { ReducedEstimate, Reduction } from "./fit/Reduction.ts"
export type { Warning, WarningKind } from "./fit/Warnings.ts"
export { combine, coordinates, functional, type Functionals, squares } from "./Functionals.ts"
export { spectralVariance } from "./spectral/SpectralVariance.ts"
export {
  bartlett,
  isPositive,
  noWindow,
  parzen,
  trapezoid,
  type Window,
  windowWeights
} from "./spectral/Window.ts"
export type { Coordinates } from "./stein/Coordinates.ts"
export type { FeatureFamily, Features } from "./stein/Features.ts"
export type { KernelChoice } from "./stein/KernelFeatures.ts"
export { monomialCount, monomials } from "./stein/Monomials.ts"
export type { NeuralChoice } from "./stein/NeuralFeatures.ts"
export type { Kernel, Point, Transition, Transitions, TransitionSteps, Tuning } from "./samplers/Kernel.ts"
export { hamiltonian } from "./samplers/Hamiltonian.ts"
export { adjustedLangevin, unadjustedLangevin } from "./samplers/Langevin.ts"
export { noUTurn } from "./samplers/NoUTurn.ts"
export { randomWalk } from "./samplers/RandomWalk.ts"
export type { SamplerInfo, SamplerState } from "./samplers/Sampler.ts"
export {
  init,
  sample,
  type Sampled,
  type SampleError,
  type SampleOptions,
  step
} from "./samplers/Sampling.ts"
export { autodiffTarget } from "./targets/Autodiff.ts"
export { banana } from "./targets/Banana.ts"
export { type Design, type DesignOptions, makeDesign } from "./targets/Design.ts"
export { gaussian } from "./targets/Gaussian.ts"
export { type Unidentified, unidentifiedBy } from "./targets/Identifiability.ts"
export { gaussianMixture, type MixtureComponent } from "./targets/GaussianMixture.ts"
export {
  logisticPrediction,
  logisticRegression,
  probitPrediction,
  probitRegression,
  type RegressionOptions
} from "./targets/Regression.ts"
export { pointwise, type Target } from "./targets/Target.ts"
export { chainsOfInferenceData, type InferenceData, inferenceDataOf } from "./files/InferenceData.ts"
export { decodeNpy, encodeNpy, type NpyArray } from "./files/Npy.ts"
export { type NumericTable, parseTable } from "./files/NumericTable.ts"
export { chainsOfCsv, type PlainOptions } from "./files/PlainCsv.ts"
export { readChains, type ReadOptions } from "./files/SampleFiles.ts"
export { chainsOfStan, type NamedText } from "./files/StanCsv.ts"
export { unreadable } from "./files/Unreadable.ts"
export {
  lotkaVolterra,
  type OdePosteriorOptions,
  odePosterior,
  type OrdinarySystem,
  solveOrdinary,
  vanDerPol
} from "./targets/DifferentialEquation.ts"
