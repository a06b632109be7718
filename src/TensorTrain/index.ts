/** Tensors in tensor-train form: decomposition, cross approximation, rounding, arithmetic; and the weight that is one. */
export {
  add,
  addConstant,
  contractModes,
  dot,
  hadamard,
  ones,
  scale,
  subtract,
  sum
} from "./Arithmetic.ts"
export { beamSearch } from "./BeamSearch.ts"
export { elementsAt } from "./CoreTensors.ts"
export { crossStep, type CrossProblem, type CrossState, initCross, withPivot } from "./cross/Cross.ts"
export type { CrossApproximation, CrossInfo } from "./cross/CrossApproximation.ts"
export type { CrossOptions } from "./cross/CrossSettings.ts"
export { EvaluationBudgetError, EvaluationError, TensorTrainOptionError } from "./Errors.ts"
export { evaluate } from "./Evaluation.ts"
export { EvaluationCache } from "./cross/EvaluationCache.ts"
export { type BatchFunction, Evaluations, type IndexBatch, pointwise } from "./cross/Evaluations.ts"
export type { Extrema, ExtremaOptions, Extremum } from "./Extrema.ts"
export type { MatrixShape } from "./matrix/MatrixContraction.ts"
export { fitMatrix, type MatrixFit, type MatrixFitOptions } from "./matrix/MatrixFit.ts"
export {
  maximumVolume,
  type MaximumVolumeOptions,
  rectangularMaximumVolume,
  type RowBasis
} from "./cross/MaximumVolume.ts"
export { digitCounts, fromDigits, toDigits } from "./Quantisation.ts"
export { randomTrain } from "./Random.ts"
export type { Samples, SamplingDensity } from "./Sampling.ts"
export { TensorTrain } from "./TensorTrain.ts"
export { type HostArray, type SampleOptions, TensorTrains } from "./TensorTrains.ts"
export { tensorTrainCodec, tensorTrainWeight, type TensorTrainWeight } from "./matrix/TensorTrainWeight.ts"
export type { Accuracy } from "./Truncation.ts"
