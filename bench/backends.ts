import { Effect, Layer, Result } from "effect"
import * as Layers from "../src/Layers/index.ts"
import { forward, initialise, loss, ModelConfig, parameters } from "../src/Model/index.ts"
import { key, stream } from "../src/Random/index.ts"
import { Backend, compute, type Operations, Tensor } from "../src/Tensor/index.ts"
import { upload } from "../src/Tensor/Host.ts"
import type { TypedArray } from "../src/Tensor/Tensor.ts"
import { measuredBackends } from "./MeasuredBackends.ts"
import type { Report } from "./Report.ts"

interface Sizes {
  readonly square: number
  readonly model: {
    readonly width: number
    readonly layers: number
    readonly heads: number
    readonly vocabulary: number
    readonly tokens: number
    readonly batch: number
  }
}

/** What fits a processor, and what a GPU needs to be busy: the shape of GPT-2 small with a vocabulary of a quarter. */
const sizes = {
  small: {
    square: 512,
    model: { width: 192, layers: 6, heads: 6, vocabulary: 2048, tokens: 128, batch: 4 }
  },
  large: {
    square: 4096,
    model: { width: 768, layers: 12, heads: 12, vocabulary: 12_564, tokens: 512, batch: 8 }
  }
} satisfies Record<string, Sizes>
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

const makeModel = Effect.fnUntraced(function* ({ model }: Sizes) {
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

const shapeOf = ({ model }: Sizes) => [model.batch, model.tokens]

/** The logits of a small GPT-2 and the gradient of its first weight. */
const answers = Effect.fnUntraced(function* (size: Sizes) {
  const { gpt2, tokens } = yield* makeModel(size)
  const shape = shapeOf(size)
  const [logits, gradient] = yield* compute((t) => {
    const inputs = upload(t.region, tokens, shape)
    const weight = parameters(gpt2)["h.0.attn.c_attn.weight"]
    const { gradients } = t.valueAndGradients({ weight }, () => ({ value: loss(t, gpt2, inputs, inputs) }))
    return [forward(t, gpt2, inputs).logits, gradients.weight]
  })
  return [yield* Tensor.toArray(logits), yield* Tensor.toArray(gradient)] as const
}, Effect.scoped)

/** Of the greatest difference to the greatest number. */
const relativeError = (found: TypedArray, right: TypedArray): number => {
  let [difference, size] = [0, 0]
  for (let i = 0; i < right.length; i++) {
    difference = Math.max(difference, Math.abs(found[i] - right[i]))
    size = Math.max(size, Math.abs(right[i]))
  }
  return difference / size
}

const speeds = Effect.fnUntraced(function* (size: Sizes, seconds: number) {
  const n = size.square
  const small = yield* Tensor.fromArray(numbers(8), [8])
  const square = yield* Tensor.fromArray(numbers(n * n), [n, n])
  const rows = yield* Tensor.fromArray(
    Int32Array.from({ length: 4096 }, (_, i) => (i * 7) % n),
    [4096]
  )
  const { gpt2, tokens } = yield* makeModel(size)
  const shape = shapeOf(size)
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
  const count = tokens.length
  return {
    "us an add of 8": (1e6 * latency) / chain,
    [`GFLOP/s matmul ${n}`]: (2 * n ** 3) / product / 1e9,
    [`ms softmax ${n}x${n}`]: 1000 * softmax,
    [`ms gather 4096x${n}`]: 1000 * gather,
    "tokens/s forward": Math.round(count / forwardSeconds),
    "tokens/s with gradients": Math.round(count / stepSeconds)
  }
}, Effect.scoped)

/** How far a backend's logits and gradient of the small model are from these. */
const errors = Effect.fnUntraced(function* (right: readonly [TypedArray, TypedArray]) {
  const [logits, gradient] = yield* answers(sizes.small)
  return {
    "error of logits": relativeError(logits, right[0]),
    "error of a gradient": relativeError(gradient, right[1])
  }
})

/** Every backend that is present, by its description, and a row of what is measured on it. */
const onEach = Effect.fnUntraced(function* <Row extends Record<string, string | number>, E>(
  measured: Effect.Effect<Row, E, Backend>
) {
  const rows: Array<Record<string, string | number>> = []
  const versions: Array<string> = []
  for (const [name, layer] of measuredBackends)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const built = yield* Effect.result(Layer.build(layer))
        if (Result.isFailure(built)) {
          versions.push(built.failure.message)
          return
        }
        yield* Effect.gen(function* () {
          versions.push(`${name}: ${(yield* Backend).description}`)
          rows.push({ backend: name, ...(yield* measured) })
        }).pipe(Effect.provideContext(built.success))
      })
    )
  return { versions, rows }
})

/**
 * Every backend that is present: small operations, products, softmax, gather, a GPT-2's forward pass and gradients, each with the
 * read that ends it; and how far its numbers are from the mock's float64.
 */
export const backendComparison = Effect.fn("bench.backends")(function* (seconds: number) {
  const right = yield* Effect.provide(answers(sizes.small), Layers.mock())
  const measured = Effect.gen(function* () {
    return { ...(yield* speeds(sizes.small, seconds)), ...(yield* errors(right)) }
  })
  return { name: "backends", ...(yield* onEach(measured)) } satisfies Report
})

/** The same speeds at sizes that keep a GPU busy. */
export const largeBackendComparison = Effect.fn("bench.backends-large")(function* (seconds: number) {
  return { name: "backends-large", ...(yield* onEach(speeds(sizes.large, seconds))) } satisfies Report
})
