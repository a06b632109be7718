/** GPT-2 and its files: the model as a value, the network, directories in Hugging Face's layout, texts, perplexity. */
export { writeAtomically } from "./AtomicFile.ts"
export { covariance, type CovarianceOptions, tokenCounts } from "./Covariance.ts"
export { refittedBias, type SequentialTarget, sequentialTarget, shrinkage } from "./SequentialTarget.ts"
export { inHiddenOrder } from "./HiddenOrder.ts"
export { inputMoments, type InputMomentsOptions } from "./InputMoments.ts"
export {
  lastWordAccuracy,
  lastWordPassages,
  LastWordReport,
  type Passage,
  PassageError,
  type PassageOptions
} from "./LastWord.ts"
export type { InputMoments, OutputErrorMoments } from "./MomentSums.ts"
export { outputMetrics } from "./OutputMetrics.ts"
export { type Prefix, prefixBefore, prefixMoments, prefixOf } from "./Prefix.ts"
export { ModelConfigError, ModelFileError, TensorMismatch } from "./Errors.ts"
export { type EvaluationOptions, evaluateModel, memoryBytes, ModelEvaluation } from "./Evaluation.ts"
export { requireFiniteParameters } from "./FiniteParameters.ts"
export { type Forward, forward, type ForwardOptions, loss, type Observe, tokenLosses } from "./Forward.ts"
export {
  type Cache,
  extend,
  generate,
  type GenerationOptions,
  type LayerCache,
  type Sampling
} from "./Generation.ts"
export {
  type Gpt2,
  type ParameterCount,
  parameterCount,
  parameters,
  storedBytes,
  storedParameters,
  tensorShapes,
  weightSizes,
  withParameters,
  withWeight
} from "./Gpt2.ts"
export { load, save, saveDense, type SaveOptions } from "./Gpt2Files.ts"
export { initialise } from "./Initialisation.ts"
export { perplexity, type PerplexityOptions, type PerplexityReport } from "./Perplexity.ts"
export {
  defaultProtocol,
  type EvaluationWindows,
  evaluationWindows,
  PerplexityProtocol
} from "./PerplexityProtocol.ts"
export * as BytePairTraining from "./BytePairTraining.ts"
export * as KneserNey from "./KneserNey.ts"
export * as ModelConfig from "./ModelConfig.ts"
export * as ModelDirectory from "./ModelDirectory.ts"
export * as SafeTensors from "./SafeTensors.ts"
export * as TextSet from "./TextSet.ts"
export * as Tokenizer from "./Tokenizer.ts"
export { besideReference, EvaluationMismatch, SideBySide } from "./SideBySide.ts"
