import { Effect, type Layer } from "effect"
import * as Layers from "../src/Layers/index.ts"
import { forward, initialise, loss, ModelConfig, parameters } from "../src/Model/index.ts"
import { key, stream } from "../src/Random/index.ts"
import { Backend, type BackendUnavailable, compute, type Operations, Tensor } from "../src/Tensor/index.ts"
import { upload } from "../src/Tensor/Host.ts"
import type { TypedArray } from "../src/Tensor/Tensor.ts"
import type { Report } from "./Report.ts"

const backends: ReadonlyArray<readonly [string, Layer.Layer<Backend, BackendUnavailable>]> = [
  ["cpu, BLAS", Layers.cpu({ engine: "blas" })],
  ["cpu, wasm", Layers.cpu({ engine: "wasm" })],
  ["webgpu", Layers.webGpu()],
  ["tensorflow", Layers.tensorflow()],
  ["gpu", Layers.gpu()]
]

const model = { width: 192, layers: 6, heads: 6, vocabulary: 2048, tokens: 128, batch: 4 }
/** Operations between two reads where one alone would measure the read. */
const chain = 100

const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i))

/** Median seconds of work that ends with a read, as every use does: two runs to warm up, then for `seconds` and at least three. */
const timed = <E, R>(work: Effect.Effect<unknown, E, R>, seconds: number) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    let until = Number.POSITIVE_INFINITY
    for (let run = 0; times.length < 3 || performance.now() < until; run++) {
      if (run === 2) until = performance.now() + 1000 * seconds
      const start = performance.now()
      yield* work
      if (run >= 2) times.push((performance.now() - start) / 1000)
    }
    return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
  })

/** Runs a body and reads one number of its result. */
const read = (body: (t: Operations) => Tensor) =>
  Effect.scoped(
    Effect.flatMap(
      compute((t) => t.sum(body(t))),
      Tensor.toNumber
    )
  )

const makeModel = Effect.gen(function* () {
  const config = yield* ModelConfig.make({
    model_type: "gpt2",
    vocab_size: model.vocabulary,
    n_positions: model.tokens,
    n_embd: model.width,
    n_layer: model.layers,
    n_head: model.heads
  })
  const gpt2 = yield* initialise(config, key(1))
  const draws = stream(key(2))
  const tokens = Int32Array.from({ length: model.batch * model.tokens }, () =>
    draws.integer(model.vocabulary)
  )
  return { gpt2, tokens }
})

const shape = [model.batch, model.tokens]

/** The logits of a small GPT-2 and the gradient of its first weight. */
const answers = Effect.gen(function* () {
  const { gpt2, tokens } = yield* makeModel
  const [logits, gradient] = yield* compute((t) => {
    const inputs = upload(t.region, tokens, shape)
    const weight = parameters(gpt2)["h.0.attn.c_attn.weight"]
    const { gradients } = t.valueAndGradients({ weight }, () => ({ value: loss(t, gpt2, inputs, inputs) }))
    return [forward(t, gpt2, inputs).logits, gradients.weight]
  })
  return [yield* Tensor.toArray(logits), yield* Tensor.toArray(gradient)] as const
}).pipe(Effect.scoped)

/** Of the greatest difference to the greatest number. */
const relativeError = (found: TypedArray, right: TypedArray): number => {
  let [difference, size] = [0, 0]
  for (let i = 0; i < right.length; i++) {
    difference = Math.max(difference, Math.abs(found[i] - right[i]))
    size = Math.max(size, Math.abs(right[i]))
  }
  return difference / size
}

const measure = Effect.fnUntraced(function* (right: readonly [TypedArray, TypedArray], seconds: number) {
  const small = yield* Tensor.fromArray(numbers(8), [8])
  const square = yield* Tensor.fromArray(numbers(512 * 512), [512, 512])
  const rows = yield* Tensor.fromArray(
    Int32Array.from({ length: 4096 }, (_, i) => (i * 7) % 512),
    [4096]
  )
  const { gpt2, tokens } = yield* makeModel
  const trained = parameters(gpt2)
  const step = read((t) => {
    const inputs = upload(t.region, tokens, shape)
    return t.valueAndGradients(trained, () => ({ value: loss(t, gpt2, inputs, inputs) })).value
  })
  const pass = read((t) => forward(t, gpt2, upload(t.region, tokens, shape)).logits)
  const added = read((t) => {
    let x = small
    for (let i = 0; i < chain; i++) x = t.add(x, small)
    return x
  })
  const latency = yield* timed(added, seconds)
  const product = yield* timed(
    read((t) => t.matmul(square, square)),
    seconds
  )
  const softmax = yield* timed(
    read((t) => t.softmax(square)),
    seconds
  )
  const gather = yield* timed(
    read((t) => t.gather(square, rows)),
    seconds
  )
  const forwardSeconds = yield* timed(pass, seconds)
  const stepSeconds = yield* timed(step, seconds)
  const [logits, gradient] = yield* answers
  const count = model.batch * model.tokens
  return {
    "us an add of 8": (1e6 * latency) / chain,
    "GFLOP/s matmul 512": (2 * 512 ** 3) / product / 1e9,
    "ms softmax 512x512": 1000 * softmax,
    "ms gather 4096x512": 1000 * gather,
    "tokens/s forward": Math.round(count / forwardSeconds),
    "tokens/s with gradients": Math.round(count / stepSeconds),
    "error of logits": relativeError(logits, right[0]),
    "error of a gradient": relativeError(gradient, right[1])
  }
}, Effect.scoped)

/**
 * Every backend that is present: small operations, products, softmax, gather, a GPT-2's forward pass and gradients, each with the
 * read that ends it; and how far its numbers are from the mock's float64.
 */
export const backendComparison = Effect.fn("bench.backends")(function* (seconds: number) {
  const rows: Array<Record<string, string | number>> = []
  const versions: Array<string> = []
  const right = yield* Effect.provide(answers, Layers.mock())
  for (const [name, layer] of backends) {
    const one = Effect.gen(function* () {
      versions.push(`${name}: ${(yield* Backend).description}`)
      rows.push({ backend: name, ...(yield* measure(right, seconds)) })
    }).pipe(
      Effect.provide(layer),
      Effect.catchTag("BackendUnavailable", (error) =>
        Effect.sync(() => {
          versions.push(error.message)
        })
      )
    )
    yield* one
  }
  return { name: "backends", versions, rows } satisfies Report
})
