import { Effect } from "effect"
import {
  Backend,
  compute,
  NumericalError,
  type Operations,
  ShapeError,
  Tensor,
  type TensorError
} from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { hostTask } from "../Weight/index.ts"
import { residualStream } from "./Forward.ts"
import { type Gpt2, weightSizes } from "./Gpt2.ts"

/** What a weight was given over a text: x [inputs], one for each token. */
export interface InputMoments {
  /** Tokens averaged over. */
  readonly count: number
  /** E[x], [inputs] */
  readonly mean: Float64Array
  /** E[x xᵀ], [inputs, inputs] */
  readonly second: Float64Array
  /** What the same weight of the reference model was given for the same tokens, z; undefined without a reference. */
  readonly reference: ReferenceMoments | undefined
}

export interface ReferenceMoments {
  /** E[z], [inputs] */
  readonly mean: Float64Array
  /** E[x zᵀ], [inputs, inputs] */
  readonly cross: Float64Array
}

export interface InputMomentsOptions {
  /** Tokens in a window; default the model's positions, at most 256. */
  readonly context?: number | undefined
  /** Windows that go through the network together; default as many as make about 2048 tokens. */
  readonly rows?: number | undefined
  /** The weights whose inputs are wanted, of those in the layers; default all. */
  readonly weights?: ReadonlyArray<string> | undefined
  /** The model whose inputs are the ones to aim at, for fits after a part of `model` has been compressed. */
  readonly reference?: Gpt2 | undefined
}

const tokensTogether = 2048
const usualContext = 256

interface Sums {
  count: number
  readonly mean: Float64Array
  readonly second: Float64Array
  readonly reference: ReferenceMoments | undefined
}

/** One batch's part, still on the backend. */
interface BatchSums {
  readonly mean: Tensor
  readonly second: Tensor
  readonly referenceMean: Tensor | undefined
  readonly cross: Tensor | undefined
}

/**
 * The moments of what the weights in a model's layers are given over a text, streamed: one pass of the network a batch, products
 * x xᵀ on the backend, sums in float64 on the host. Memory is 8 inputs² bytes for each weight, twice that with a reference,
 * whatever the text's length. With a `reference` also the moments across the two models, for fits in sequence: inputs from the compressed
 * prefix, targets from the original (see `sequentialTarget`).
 *
 * tokens: [count], cut into windows side by side. Fails with `ShapeError` for an empty text, tokens outside the
 * vocabulary, windows longer than the model's positions and names that no layer has, and with `NumericalError` where an input is not
 * finite.
 *
 * @example
 *   const moments = yield* inputMoments(model, training.tokens.subarray(0, 80_000))
 *   const c = covariance(moments["h.0.mlp.c_fc"])
 */
export const inputMoments = Effect.fn("Model.inputMoments")(function* (
  model: Gpt2,
  tokens: Int32Array,
  options: InputMomentsOptions = {}
): Effect.fn.Return<Readonly<Record<string, InputMoments>>, TensorError, Backend> {
  const { reference, context = Math.min(usualContext, model.config.n_positions) } = options
  const rows = options.rows ?? Math.max(1, Math.floor(tokensTogether / context))
  const sizes = weightSizes(model.config)
  const names = options.weights ?? Object.keys(sizes).filter((name) => name.startsWith("h."))
  const unknown = names.find((name) => !name.startsWith("h.") || !Object.hasOwn(sizes, name))
  if (unknown !== undefined || tokens.length === 0 || !(context >= 1 && rows >= 1))
    return yield* new ShapeError({
      operation: "inputMoments",
      reason:
        unknown === undefined
          ? `needs a text, windows and batches of at least 1, not ${tokens.length} tokens in ${rows} windows of ${context}`
          : `"${unknown}" is no weight of a layer; those are ${names.filter((name) => name.startsWith("h.")).join(", ")}`,
      shapes: [[tokens.length]]
    })
  const sums = Object.fromEntries(
    names.map((name): readonly [string, Sums] => {
      const [inputs] = sizes[name]
      const blank = () => ({ mean: new Float64Array(inputs), square: new Float64Array(inputs * inputs) })
      const [own, other] = [blank(), reference === undefined ? undefined : blank()]
      return [
        name,
        {
          count: 0,
          mean: own.mean,
          second: own.square,
          reference: other && { mean: other.mean, cross: other.square }
        }
      ]
    })
  )
  const whole = Math.floor(tokens.length / context)
  for (let first = 0; first * context < tokens.length; ) {
    yield* Effect.yieldNow
    const count = first < whole ? Math.min(rows, whole - first) : 1
    const part = tokens.subarray(first * context, (first + count) * context)
    yield* addBatch(model, reference, part, [count, part.length / count], sums)
    first += count
  }
  for (const [name, { mean, second }] of Object.entries(sums)) {
    if (!mean.every(Number.isFinite) || !second.every(Number.isFinite))
      return yield* new NumericalError({
        operation: "inputMoments",
        reason: `the inputs of "${name}" are not all finite: look for NaN in the weights before it`
      })
  }
  return Object.fromEntries(Object.entries(sums).map(([name, total]) => [name, averaged(total)]))
})

const addBatch = (
  model: Gpt2,
  reference: Gpt2 | undefined,
  tokens: Int32Array,
  shape: readonly [number, number],
  sums: Readonly<Record<string, Sums>>
): Effect.Effect<void, TensorError, Backend> =>
  Effect.scoped(
    Effect.gen(function* () {
      const batch = yield* compute((t) => {
        const inputs = upload(t.region, tokens, shape)
        const aims: Record<string, Tensor> = {}
        if (reference !== undefined)
          residualStream(t, reference, inputs, {
            observe: (name, z) => (Object.hasOwn(sums, name) ? [(aims[name] = z)] : [])
          })
        const found: Record<string, BatchSums> = {}
        residualStream(t, model, inputs, {
          observe: (name, x) => {
            if (!Object.hasOwn(sums, name)) return []
            const own = batchSums(t, x, aims[name])
            if (aims[name] !== undefined) t.region.release(aims[name])
            found[name] = own
            return Object.values(own).filter((made) => made !== undefined)
          }
        })
        return found
      })
      for (const [name, part] of Object.entries(batch)) {
        const total = sums[name]
        total.count += shape[0] * shape[1]
        yield* addTo(total.mean, part.mean)
        yield* addTo(total.second, part.second)
        if (total.reference === undefined || part.referenceMean === undefined || part.cross === undefined)
          continue
        yield* addTo(total.reference.mean, part.referenceMean)
        yield* addTo(total.reference.cross, part.cross)
      }
    })
  )

// x, z: [batch, tokens, inputs]
const batchSums = (t: Operations, x: Tensor, z: Tensor | undefined): BatchSums =>
  t.tidy(() => {
    const flat = (y: Tensor) => t.reshape(y, [-1, y.shape[y.shape.length - 1]])
    const [own, other] = [flat(x), z && flat(z)]
    return {
      mean: t.sum(own, { axes: [0] }),
      second: t.matmul(own, own, { transposeA: true }),
      referenceMean: other && t.sum(other, { axes: [0] }),
      cross: other && t.matmul(own, other, { transposeA: true })
    }
  })

const addTo = (total: Float64Array, part: Tensor): Effect.Effect<void, TensorError, Backend> =>
  Effect.map(Tensor.toArray(part), (values) => {
    for (let i = 0; i < total.length; i++) total[i] += values[i]
  })

const averaged = ({ count, mean, second, reference }: Sums): InputMoments => {
  for (const sums of [mean, second, ...(reference === undefined ? [] : [reference.mean, reference.cross])])
    for (let i = 0; i < sums.length; i++) sums[i] /= count
  return { count, mean, second, reference }
}

/** How often each token of a vocabulary occurs in a text: the weights of an embedding's rows are sqrt(count + 1). */
// tokens: [count] -> [vocabulary]
export const tokenCounts = (tokens: Int32Array, vocabulary: number): Float64Array => {
  const counts = new Float64Array(vocabulary)
  for (const token of tokens) if (token >= 0 && token < vocabulary) counts[token]++
  return counts
}

export interface CovarianceOptions {
  /** Added to the diagonal, as a part of its mean: what keeps directions that the text never took. Default 0.01. */
  readonly ridge?: number | undefined
  /**
   * Whether to leave the mean out, which is right where the bias that follows is fitted again (`refittedBias`): it takes up what the
   * approximation does to the mean. Default false.
   */
  readonly centred?: boolean | undefined
}

const usualRidge = 0.01

/** C = E[x xᵀ] + ridge, or the same about the mean: [inputs, inputs], symmetric and positive definite. */
export const covariance = (moments: InputMoments, options: CovarianceOptions = {}): Float64Array => {
  const { mean, second } = moments
  const c = aboutMeans(second, mean, mean, options.centred)
  const n = mean.length
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) c[i * n + j] = c[j * n + i] = (c[i * n + j] + c[j * n + i]) / 2
  addToDiagonal(c, n, ridgeOf(moments, options))
  return c
}

const aboutMeans = (
  second: Float64Array,
  left: Float64Array,
  right: Float64Array,
  centred = false
): Float64Array => {
  const c = second.slice()
  const n = left.length
  if (centred) for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) c[i * n + j] -= left[i] * right[j]
  return c
}

/** The number that goes on the diagonal. Inputs that are all zero leave nothing to measure by: then 1 does as well. */
const ridgeOf = (
  { mean, second }: InputMoments,
  { ridge = usualRidge, centred }: CovarianceOptions
): number => {
  const n = mean.length
  let trace = 0
  for (let i = 0; i < n; i++) trace += second[i * n + i] - (centred === true ? mean[i] ** 2 : 0)
  return trace > 0 ? (ridge * trace) / n : 1
}

const addToDiagonal = (c: Float64Array, n: number, value: number): void => {
  for (let i = 0; i < n; i++) c[i * n + i] += value
}

/**
 * The matrix that a weight is to become near when the inputs x come from a compressed prefix and the outputs are to be those of the original,
 * z W: W* = (E[x xᵀ] + ridge)⁻¹ (E[x zᵀ] + ridge) W minimises E||x W* - z W||² + ridge ||W* - W||², and every
 * other W' is worse by ||C^{1/2} (W' - W*)||², so that weighted fits just take C = `covariance` and W* in place of W.
 *
 * w: [inputs, outputs] -> [inputs, outputs]. Without a reference in the moments it is W itself. Fails with `ShapeError` where
 * w is of another size, and with `NumericalError` where C is singular, which a ridge prevents.
 *
 * @example
 *   const moments = yield* inputMoments(compressed, tokens, { reference: original, weights: [name] })
 *   const target = yield* sequentialTarget(moments[name], w)
 */
export const sequentialTarget = Effect.fn("Model.sequentialTarget")(function* (
  moments: InputMoments,
  w: Float64Array,
  options: CovarianceOptions = {}
): Effect.fn.Return<Float64Array, TensorError, Backend> {
  const { mean, reference } = moments
  const inputs = mean.length
  if (w.length % inputs !== 0)
    return yield* new ShapeError({
      operation: "sequentialTarget",
      reason: `needs a matrix of ${inputs} rows, not ${w.length} numbers`,
      shapes: [[inputs, inputs], [w.length]]
    })
  if (reference === undefined) return w.slice()
  const { factorizations: host } = yield* Backend
  const cross = aboutMeans(reference.cross, mean, reference.mean, options.centred)
  addToDiagonal(cross, inputs, ridgeOf(moments, options))
  const outputs = w.length / inputs
  return yield* hostTask(() =>
    host.solve(
      covariance(moments, options),
      inputs,
      host.multiply(cross, w, inputs, inputs, outputs),
      outputs
    )
  )
})

/**
 * The bias that makes the mean of the outputs what it was before W became W': b + E[z] W - E[x] W', with z the reference's
 * inputs, x themselves without one. With it, the error left is that about the mean.
 */
// bias: [outputs], w, fitted: [inputs, outputs] -> [outputs]
export const refittedBias = (
  { mean, reference }: InputMoments,
  bias: ArrayLike<number>,
  w: ArrayLike<number>,
  fitted: ArrayLike<number>
): Float64Array => {
  const aim = reference?.mean ?? mean
  const result = Float64Array.from(bias)
  for (let i = 0, e = 0; i < mean.length; i++)
    for (let j = 0; j < result.length; j++, e++) result[j] += aim[i] * w[e] - mean[i] * fitted[e]
  return result
}
