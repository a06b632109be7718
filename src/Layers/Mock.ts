import { Context, Effect, Layer } from "effect"
import { Backend, type FloatDType, type Kernels } from "../Tensor/Backend.ts"
import { isTensorError, type TensorError } from "../Tensor/Errors.ts"
import { arrayFor, type Buffer, type Tensor, type TypedArray } from "../Tensor/Tensor.ts"
import type { HostArray } from "./reference/HostArray.ts"
import { Ledger, type LoggedKernel } from "./reference/Ledger.ts"
import { matrixFactorizations } from "./host/MatrixFactorizations.ts"
import * as attentions from "./reference/Attention.ts"
import * as elementwise from "./reference/Elementwise.ts"
import * as gathers from "./reference/Gather.ts"
import * as losses from "./reference/Losses.ts"
import { matmul } from "./reference/Matmul.ts"
import * as movement from "./reference/Movement.ts"
import * as reductions from "./reference/Reduction.ts"
import * as normalisations from "./reference/Rows.ts"
import { adamW } from "./reference/Update.ts"

export interface MockOptions {
  /** Element type of numbers without one of their own; default float64. */
  readonly defaultFloat?: FloatDType
  /** Live bytes beyond which an allocation fails with `OutOfMemory`; default unlimited. */
  readonly limitBytes?: number
  /** The kernel, counted from 1, that fails with `KernelError`; default none. */
  readonly failAt?: number
  /** The kernel, counted from 1, whose floating-point results are NaN; default none. */
  readonly nanAt?: number
}

/** What a test sees of the mock, and the faults it plants. Kernels are counted from 1, from when a fault is planted. */
export class MockControls extends Context.Service<
  MockControls,
  {
    /** Buffers not yet released, and their bytes. */
    readonly live: Effect.Effect<{ readonly buffers: number; readonly bytes: number }>
    /** The most bytes that were ever live together. */
    readonly peakBytes: Effect.Effect<number>
    /** How many kernels were asked for. */
    readonly kernels: Effect.Effect<number>
    /** The latest kernels in order; the oldest are dropped beyond 100,000. */
    readonly log: Effect.Effect<ReadonlyArray<LoggedKernel>>
    readonly failAt: (kernel: number) => Effect.Effect<void>
    readonly nanAt: (kernel: number) => Effect.Effect<void>
    readonly limitBytes: (bytes: number) => Effect.Effect<void>
    /** Takes back all faults and limits, and empties the log. */
    readonly reset: Effect.Effect<void>
  }
>()("tesserae/Layers/MockControls") {}

const controlsOf = (ledger: Ledger): MockControls["Service"] => ({
  live: Effect.sync(() => ({ buffers: ledger.liveBuffers, bytes: ledger.liveBytes })),
  peakBytes: Effect.sync(() => ledger.peakBytes),
  kernels: Effect.sync(() => ledger.kernels),
  log: Effect.sync(() => [...ledger.log]),
  failAt: (kernel) =>
    Effect.sync(() => {
      ledger.untilFailure = kernel
    }),
  nanAt: (kernel) =>
    Effect.sync(() => {
      ledger.untilNaN = kernel
    }),
  limitBytes: (bytes) =>
    Effect.sync(() => {
      ledger.byteLimit = bytes
    }),
  reset: Effect.sync(() => {
    ledger.untilFailure = 0
    ledger.untilNaN = 0
    ledger.byteLimit = Infinity
    ledger.log = []
  })
})

const fillWithNaN = (values: TypedArray): void => {
  if (!(values instanceof Int32Array)) values.fill(Number.NaN)
}

const kernelsOf = (ledger: Ledger, defaultFloat: FloatDType): Kernels => {
  const host = (x: Tensor): HostArray => ({
    values: ledger.valuesOf(x.storage.buffer),
    shape: x.shape
  })
  const many = <Outputs extends ReadonlyArray<TypedArray>>(
    kernel: string,
    inputs: ReadonlyArray<Tensor>,
    body: (...arrays: ReadonlyArray<HostArray>) => Outputs
  ): { readonly [Index in keyof Outputs]: Buffer } => {
    const spoiled = ledger.begin(kernel, inputs)
    const outputs = body(...inputs.map(host))
    if (spoiled) outputs.forEach(fillWithNaN)
    return ledger.store(...outputs) as { readonly [Index in keyof Outputs]: Buffer }
  }
  const one = (
    kernel: string,
    inputs: ReadonlyArray<Tensor>,
    body: (...arrays: ReadonlyArray<HostArray>) => TypedArray
  ): Buffer => many(kernel, inputs, (...arrays) => [body(...arrays)] as const)[0]

  return {
    name: "mock",
    description: `mock: JavaScript, ${defaultFloat}`,
    defaultFloat,
    dtypes: new Set(["float64", "float32", "int32"]),
    live: () => ({ buffers: ledger.liveBuffers, bytes: ledger.liveBytes }),
    factorizations: matrixFactorizations,

    upload: (data, dtype) =>
      one("upload", [], () => {
        const values = arrayFor(dtype, data.length)
        values.set(data)
        return values
      }),
    download: (x) =>
      Effect.try({
        try: () => {
          const spoiled = ledger.begin("download", [x])
          const values = host(x).values.slice()
          if (spoiled) fillWithNaN(values)
          return values
        },
        catch: (cause) => cause
      }).pipe(
        Effect.catch(
          (cause): Effect.Effect<never, TensorError> =>
            isTensorError(cause) ? Effect.fail(cause) : Effect.die(cause)
        )
      ),
    release: (buffer) => ledger.release(buffer),

    fill: (value, shape, dtype) => one("fill", [], () => elementwise.fill(value, shape, dtype)),
    cast: (x, dtype) => one("cast", [x], (values) => elementwise.cast(values, dtype)),
    unary: (operation, x) => one(operation, [x], (values) => elementwise.unary(operation, values)),
    binary: (operation, a, b, shape) =>
      one(operation, [a, b], (left, right) => elementwise.binary(operation, left, right, shape)),
    compare: (operation, a, b, shape) =>
      one(operation, [a, b], (left, right) => elementwise.compare(operation, left, right, shape)),
    where: (condition, a, b, shape) =>
      one("where", [condition, a, b], (chosen, left, right) => elementwise.where(chosen, left, right, shape)),
    dropout: (x, rate, seed) => one("dropout", [x], (values) => elementwise.dropout(values, rate, seed)),

    reduce: (operation, x, axes) =>
      one(operation, [x], (values) => reductions.reduce(operation, values, axes)),
    argmax: (x) => one("argmax", [x], reductions.argmax),

    transpose: (x, permutation) => one("transpose", [x], (values) => movement.transpose(values, permutation)),
    broadcastTo: (x, shape) => one("broadcastTo", [x], (values) => movement.broadcastTo(values, shape)),
    slice: (x, start, size) => one("slice", [x], (values) => movement.slice(values, start, size)),
    pad: (x, before, after) => one("pad", [x], (values) => movement.pad(values, before, after)),
    concatenate: (parts, axis) =>
      one("concatenate", parts, (...arrays) => movement.concatenate(arrays, axis)),
    gather: (x, indices) => one("gather", [x, indices], gathers.gather),
    segmentSum: (x, indices, segments) =>
      one("segmentSum", [x, indices], (values, rows) => gathers.segmentSum(values, rows, segments)),

    matmul: (a, b, { transposeA, transposeB, bias }) =>
      one("matmul", bias === undefined ? [a, b] : [a, b, bias], (left, right, added) =>
        matmul(left, right, { transposeA, transposeB, bias: added })
      ),

    softmax: (x) => one("softmax", [x], normalisations.softmax),
    softmaxGradient: (y, gradient) => one("softmaxGradient", [y, gradient], normalisations.softmaxGradient),
    layerNorm: (x, gain, bias, epsilon) =>
      many("layerNorm", [x, gain, bias], (values, gains, biases) =>
        normalisations.layerNorm(values, gains, biases, epsilon)
      ),
    layerNormGradient: (x, gain, mean, inverseDeviation, gradient) =>
      many(
        "layerNormGradient",
        [x, gain, mean, inverseDeviation, gradient],
        normalisations.layerNormGradient
      ),
    crossEntropy: (logits, targets) => many("crossEntropy", [logits, targets], losses.crossEntropy),
    crossEntropyGradient: (logits, targets, logSumExp, gradient) =>
      one("crossEntropyGradient", [logits, targets, logSumExp, gradient], losses.crossEntropyGradient),
    divergence: (student, teacher, temperature) =>
      many("divergence", [student, teacher], (ofStudent, ofTeacher) =>
        losses.divergence(ofStudent, ofTeacher, temperature)
      ),
    divergenceGradient: (student, teacher, studentLogSumExp, teacherLogSumExp, gradient, temperature) =>
      one(
        "divergenceGradient",
        [student, teacher, studentLogSumExp, teacherLogSumExp, gradient],
        (ofStudent, ofTeacher, studentSums, teacherSums, g) =>
          losses.divergenceGradient(ofStudent, ofTeacher, studentSums, teacherSums, g, temperature)
      ),
    attention: (qkv, heads, keepProbabilities) =>
      keepProbabilities
        ? many("attention", [qkv], (values) => attentions.attention(values, heads))
        : [one("attention", [qkv], (values) => attentions.attention(values, heads)[0]), undefined],
    attentionGradient: (qkv, probabilities, gradient, heads) =>
      one("attentionGradient", [qkv, probabilities, gradient], (values, weights, g) =>
        attentions.attentionGradient(values, weights, g, heads)
      ),

    adamW: (parameter, gradient, first, second, scale, options) => {
      const inputs = [parameter, gradient, first, second, scale]
      const spoiled = ledger.begin("adamW", inputs)
      const [p, g, m, v, [factor]] = inputs.map((x) => host(x).values)
      adamW(p, g, m, v, factor, options)
      if (spoiled) fillWithNaN(p)
      return [parameter.storage.buffer, first.storage.buffer, second.storage.buffer]
    }
  }
}

/**
 * A backend for tests: plain JavaScript in float64 (float32 tensors are rounded), with a ledger of live buffers, a log of
 * kernels, and faults on demand through `MockControls`.
 *
 * @example
 *   program.pipe(Effect.scoped, Effect.provide(Mock.layer()))
 */
const layer = (options: MockOptions = {}): Layer.Layer<Backend | MockControls> =>
  Layer.syncContext(() => {
    const ledger = new Ledger("mock")
    ledger.byteLimit = options.limitBytes ?? Infinity
    ledger.untilFailure = options.failAt ?? 0
    ledger.untilNaN = options.nanAt ?? 0
    return Context.make(Backend, kernelsOf(ledger, options.defaultFloat ?? "float64")).pipe(
      Context.add(MockControls, controlsOf(ledger))
    )
  })

export const Mock = { layer }
