import { Context, type Effect } from "effect"
import type { TensorError } from "./Errors.ts"
import type { Factorizations } from "./Factorizations.ts"
import type { Buffer, DType, Shape, Tensor, TypedArray } from "./Tensor.ts"

export type FloatDType = Exclude<DType, "int32">

export type UnaryOperation =
  | "negate"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "square"
  | "reciprocal"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "gelu"
  | "sin"
  | "cos"
  | "sign"
  | "floor"

/** `geluGradient(x, g)` is gelu'(x) g. */
export type BinaryOperation =
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "power"
  | "maximum"
  | "minimum"
  | "geluGradient"

export type CompareOperation = "equal" | "less" | "lessEqual"

export type ReduceOperation = "sum" | "max" | "min" | "sumOfSquares"

/** One step of AdamW (Loshchilov and Hutter, 2019); the two corrections are 1 - beta^step. */
export interface AdamWOptions {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  readonly correction1: number
  readonly correction2: number
}

/**
 * The kernel vocabulary a backend provides: synchronous functions over tensors whose shapes and element types the
 * operations in `ops/` have already checked. A kernel returns new buffers of contiguous row-major elements and never
 * writes to its inputs, `adamW` excepted. Kernels throw a `TensorError` where they cannot go on; nothing else may be thrown.
 */
export interface Kernels {
  readonly name: string
  /** Which engine does the work, for people: "OpenBLAS 0.3.21, 2 threads". */
  readonly description: string
  readonly defaultFloat: FloatDType
  readonly dtypes: ReadonlySet<DType>
  /** Buffers handed out and not yet released, and their bytes. */
  live(): { readonly buffers: number; readonly bytes: number }
  readonly factorizations: Factorizations

  upload(data: TypedArray, dtype: DType): Buffer
  /** The elements, copied. Asynchronous where the device is. */
  download(x: Tensor): Effect.Effect<TypedArray, TensorError>
  release(buffer: Buffer): void

  fill(value: number, shape: Shape, dtype: DType): Buffer
  cast(x: Tensor, dtype: DType): Buffer
  unary(operation: UnaryOperation, x: Tensor): Buffer
  /** a and b broadcast to `shape`. */
  binary(operation: BinaryOperation, a: Tensor, b: Tensor, shape: Shape): Buffer
  /** int32 0 or 1; a and b broadcast to `shape`. */
  compare(operation: CompareOperation, a: Tensor, b: Tensor, shape: Shape): Buffer
  /** a where the int32 condition is not 0, else b; all broadcast to `shape`. */
  where(condition: Tensor, a: Tensor, b: Tensor, shape: Shape): Buffer
  /** x / (1 - rate) where the counter-based hash of (index, seed) keeps it, else 0. */
  dropout(x: Tensor, rate: number, seed: readonly [number, number]): Buffer

  /** Over `axes`, which are ascending and at least one. */
  reduce(operation: ReduceOperation, x: Tensor, axes: ReadonlyArray<number>): Buffer
  /** First index of the maximum along the last axis. */
  argmax(x: Tensor): Buffer

  transpose(x: Tensor, permutation: ReadonlyArray<number>): Buffer
  broadcastTo(x: Tensor, shape: Shape): Buffer
  slice(x: Tensor, start: ReadonlyArray<number>, size: Shape): Buffer
  /** Zeros around x. */
  pad(x: Tensor, before: ReadonlyArray<number>, after: ReadonlyArray<number>): Buffer
  concatenate(parts: ReadonlyArray<Tensor>, axis: number): Buffer
  /** x: [n, width...], indices int32 of any shape -> rows. Indices out of [0, n) throw a `ShapeError`. */
  gather(x: Tensor, indices: Tensor): Buffer
  /** x: [indices..., width...] -> [segments, width...], the rows added up where their index says. */
  segmentSum(x: Tensor, indices: Tensor, segments: number): Buffer

  /**
   * op(a) op(b) (+ bias along rows): a [batch..., m, k], b [batch..., k, n] before the flags transpose their last two
   * dimensions; one of the two may be without batch dimensions.
   */
  matmul(a: Tensor, b: Tensor, options: MatmulOptions): Buffer

  softmax(x: Tensor): Buffer
  /** From y = softmax(x) and the gradient of y. */
  softmaxGradient(y: Tensor, gradient: Tensor): Buffer
  /** Along the last axis -> [y, mean, inverseDeviation]. */
  layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: number): readonly [Buffer, Buffer, Buffer]
  /** -> gradients of [x, gain, bias]. */
  layerNormGradient(
    x: Tensor,
    gain: Tensor,
    mean: Tensor,
    inverseDeviation: Tensor,
    gradient: Tensor
  ): readonly [Buffer, Buffer, Buffer]
  /** logits [rows, classes], targets int32 [rows] (negative: not counted, loss 0) -> [losses, logSumExp], each [rows]. */
  crossEntropy(logits: Tensor, targets: Tensor): readonly [Buffer, Buffer]
  crossEntropyGradient(logits: Tensor, targets: Tensor, logSumExp: Tensor, gradient: Tensor): Buffer
  /** KL(softmax(teacher / T) || softmax(student / T)) a row -> [losses, studentLogSumExp, teacherLogSumExp]. */
  divergence(student: Tensor, teacher: Tensor, temperature: number): readonly [Buffer, Buffer, Buffer]
  /** For the student's logits. */
  divergenceGradient(
    student: Tensor,
    teacher: Tensor,
    studentLogSumExp: Tensor,
    teacherLogSumExp: Tensor,
    gradient: Tensor,
    temperature: number
  ): Buffer
  /**
   * qkv [batch, tokens, 3 width] -> causal self-attention [batch, tokens, width] and, where they are kept for the gradient, its
   * probabilities [batch, heads, tokens, tokens].
   */
  attention(qkv: Tensor, heads: number, keepProbabilities: boolean): readonly [Buffer, Buffer | undefined]
  attentionGradient(qkv: Tensor, probabilities: Tensor, gradient: Tensor, heads: number): Buffer

  /**
   * In place or not: returns the buffers that now hold [parameter, first, second]; a returned handle that is not the one
   * passed in replaces it, and the old one has been released. `scale` is a scalar that multiplies the gradient.
   */
  adamW(
    parameter: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    scale: Tensor,
    options: AdamWOptions
  ): readonly [Buffer, Buffer, Buffer]
}

export interface MatmulOptions {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly bias: Tensor | undefined
}

/** The backend that operations run on; the layers that provide it are in `tesserae/Layers`. */
export class Backend extends Context.Service<Backend, Kernels>()("tesserae/Tensor/Backend") {}
