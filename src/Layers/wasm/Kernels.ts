/**
 * The WebAssembly kernels of the CPU backend: 128-bit SIMD over one shared memory.
 *
 * Pointers are byte offsets into that memory (up to 4 GiB), sizes and strides count elements, matrices are row-major.
 * A kernel keeps no state and writes only the range that its arguments name, so threads may share a memory and split
 * the work by rows or columns; the elementwise ones allow `out` to be an input.
 */

import { readFileSync } from "node:fs"

type Float = "f32" | "f64"
type Numeric = Float | "i32"

/** Elements of four or eight bytes, whatever their type. */
type Width = "32" | "64"

type UnaryOperation =
  | "exp"
  | "log"
  | "sqrt"
  | "reciprocal"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "gelu"
  | "sin"
  | "cos"
  | "floor"
type UnaryNumericOperation = "negate" | "abs" | "square" | "sign"
type Unary = (x: number, out: number, n: number) => void

type BinaryOperation = "divide" | "power" | "geluGradient"
type BinaryNumericOperation = "add" | "subtract" | "multiply" | "maximum" | "minimum"
type CompareOperation = "equal" | "less" | "lessEqual"
/**
 * out[r, c] = f(a[r, c], b[r, c]); out is contiguous [rows, columns]; aRow and bRow step from row to row (0 repeats
 * the row), aColumn and bColumn within it (0 or 1). Comparisons write int32 0 or 1.
 */
type Binary = (
  a: number,
  b: number,
  out: number,
  rows: number,
  columns: number,
  aRow: number,
  aColumn: number,
  bRow: number,
  bColumn: number
) => void

type ReduceOperation = "sumOfSquares"
type ReduceNumericOperation = "sum" | "max" | "min"
/** out[o * inner + i] = reduction over l < length of x[o * xOuter + l * xLength + i], i < inner. */
type Reduce = (
  x: number,
  out: number,
  outer: number,
  length: number,
  inner: number,
  xOuter: number,
  xLength: number
) => void

type CastName =
  | "cast_f32_f64"
  | "cast_f64_f32"
  | "cast_i32_f32"
  | "cast_i32_f64"
  | "cast_f32_i32"
  | "cast_f64_i32"
  | "decode_f16_f32"
  | "decode_bf16_f32"
  | "encode_f32_f16"

type Elementwise = { readonly [K in `unary_${UnaryOperation}_${Float}` | CastName]: Unary } & {
  readonly [K in `unary_${UnaryNumericOperation}_${Numeric}`]: Unary
} & { readonly [K in `binary_${BinaryOperation}_${Float}`]: Binary } & {
  readonly [K in
    | `binary_${BinaryNumericOperation}_${Numeric}`
    | `compare_${CompareOperation}_${Numeric}`]: Binary
}

type Reductions = { readonly [K in `reduce_${ReduceOperation}_${Float}`]: Reduce } & {
  readonly [K in `reduce_${ReduceNumericOperation}_${Numeric}`]: Reduce
} & {
  /** The first index of each row's maximum, int32; NaN counts as larger than everything. */
  readonly [K in `argmax_${Float}`]: (x: number, out: number, rows: number, columns: number) => void
}

type Movement = {
  /** out[i] = value, in float32, float64 or int32. */
  readonly [K in `fill_${Width | "i32"}`]: (out: number, value: number, n: number) => void
} & {
  /** out[i] = condition[i] ? a[i] : b[i]; condition: int32. */
  readonly [K in `select_${Width}`]: (condition: number, a: number, b: number, out: number, n: number) => void
} & {
  /** Copies a strided box; meta: int32 [sizes(rank), xStrides(rank), outStrides(rank)], rank at most 8. */
  readonly [K in `copy_${Width}`]: (x: number, out: number, rank: number, meta: number) => void
} & {
  /** out[i, c] = row[c], i < rows, c < width; `step` elements from one row of out to the next. */
  readonly [K in `repeatRow_${Width}`]: (
    row: number,
    out: number,
    rows: number,
    width: number,
    step: number
  ) => void
} & {
  /** out[i, c] = x[indices[i], c], c < width; indices: int32 [count], not checked. */
  readonly [K in `gather_${Width}`]: (
    x: number,
    indices: number,
    out: number,
    count: number,
    width: number
  ) => void
} & {
  /** out[indices[i], c] += x[i, c] for columnStart <= c < columnEnd. */
  readonly [K in `segmentSum_${Numeric}`]: (
    x: number,
    indices: number,
    out: number,
    count: number,
    width: number,
    columnStart: number,
    columnEnd: number
  ) => void
}

type Networks = {
  readonly [K in `softmax_${Float}`]: (x: number, out: number, rows: number, columns: number) => void
} & {
  /** out = y (g - sum(y g)); out may be g. */
  readonly [K in `softmaxGradient_${Float}`]: (
    y: number,
    g: number,
    out: number,
    rows: number,
    columns: number
  ) => void
} & {
  /** Softmax of scale x, scale > 0, over the columns c <= r + offset of row r, 0 in the others; out may be x. */
  readonly [K in `causalSoftmax_${Float}`]: (
    x: number,
    out: number,
    rows: number,
    columns: number,
    scale: number,
    offset: number
  ) => void
} & {
  /** out = scale y (g - sum(y g)) over the columns c <= r + offset of row r, 0 in the others; out may be g. */
  readonly [K in `causalSoftmaxGradient_${Float}`]: (
    y: number,
    g: number,
    out: number,
    rows: number,
    columns: number,
    scale: number,
    offset: number
  ) => void
} & {
  /** Normalises rows; also writes each row's mean and inverse deviation, [rows]. */
  readonly [K in `layerNorm_${Float}`]: (
    x: number,
    gain: number,
    bias: number,
    out: number,
    mean: number,
    inverseDeviation: number,
    rows: number,
    columns: number,
    epsilon: number
  ) => void
} & {
  readonly [K in `layerNormGradientInput_${Float}`]: (
    x: number,
    gain: number,
    mean: number,
    inverseDeviation: number,
    g: number,
    dx: number,
    rows: number,
    columns: number
  ) => void
} & {
  /** Overwrites dgain[c] and dbias[c] for columnStart <= c < columnEnd. */
  readonly [K in `layerNormGradientParameters_${Float}`]: (
    x: number,
    mean: number,
    inverseDeviation: number,
    g: number,
    dgain: number,
    dbias: number,
    rows: number,
    columns: number,
    columnStart: number,
    columnEnd: number
  ) => void
}

type Losses = {
  /** targets: int32 [rows]; a negative one has loss 0. */
  readonly [K in `crossEntropy_${Float}`]: (
    logits: number,
    targets: number,
    losses: number,
    logSumExp: number,
    rows: number,
    columns: number
  ) => void
} & {
  /** out = g[r] (softmax(logits[r]) - onehot(targets[r])); 0 in rows with a negative target. */
  readonly [K in `crossEntropyGradient_${Float}`]: (
    logits: number,
    targets: number,
    logSumExp: number,
    g: number,
    out: number,
    rows: number,
    columns: number
  ) => void
} & {
  /** losses[r] = KL(softmax(teacher[r] / temperature) || softmax(student[r] / temperature)). */
  readonly [K in `divergence_${Float}`]: (
    student: number,
    teacher: number,
    losses: number,
    studentLogSumExp: number,
    teacherLogSumExp: number,
    rows: number,
    columns: number,
    temperature: number
  ) => void
} & {
  /** The gradient of g . losses for the student's logits. */
  readonly [K in `divergenceGradient_${Float}`]: (
    student: number,
    teacher: number,
    studentLogSumExp: number,
    teacherLogSumExp: number,
    g: number,
    out: number,
    rows: number,
    columns: number,
    temperature: number
  ) => void
}

type Training = {
  /** Keeps x[i] / (1 - rate) where `dropoutKeeps(start + i, rate, seedLow, seedHigh)`, 0 elsewhere. */
  readonly [K in `dropout_${Float}`]: (
    x: number,
    out: number,
    n: number,
    start: number,
    rate: number,
    seedLow: number,
    seedHigh: number
  ) => void
} & {
  /** One step in place; scale points at one element that multiplies the gradient. */
  readonly [K in `adamW_${Float}`]: (
    parameter: number,
    gradient: number,
    first: number,
    second: number,
    n: number,
    scale: number,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecay: number,
    correction1: number,
    correction2: number
  ) => void
}

type Products = {
  /** C = alpha op(A) op(B) + beta C, op(A): [m, k], op(B): [k, n]; transposeA and transposeB are 0 or 1. */
  readonly [K in `gemm_${Float}`]: (
    transposeA: number,
    transposeB: number,
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: number,
    lda: number,
    b: number,
    ldb: number,
    beta: number,
    c: number,
    ldc: number,
    workspace: number
  ) => void
} & {
  /** The bytes of workspace that gemm needs for these sizes, one workspace a thread. */
  readonly [K in `gemmWorkspace_${Float}`]: (m: number, n: number, k: number) => number
}

/** The exports of kernels.wasm, named operation_type. */
export interface Kernels extends Elementwise, Reductions, Movement, Networks, Losses, Training, Products {}

let compiled: WebAssembly.Module | undefined

/** The compiled kernels, read once a thread; they may also be sent to worker threads. */
export const kernelsModule = (): WebAssembly.Module => {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./kernels.wasm", import.meta.url)))
  return compiled
}

/**
 * The kernels over a memory, which must be shared and have a maximum of at most 65536 pages.
 *
 * @example
 * const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true })
 * const kernels = instantiateKernels(memory)
 * kernels.unary_exp_f32(0, 4096, 1024)
 */
export const instantiateKernels = (
  memory: WebAssembly.Memory,
  module: WebAssembly.Module = kernelsModule()
): Kernels => new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
