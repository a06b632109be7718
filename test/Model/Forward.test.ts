import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer as cpu } from "../../src/Layers/Cpu.ts"
import { Mock, MockControls } from "../../src/Layers/Mock.ts"
import { forward, loss, tokenLosses } from "../../src/Model/Forward.ts"
import { type Gpt2, parameters, withParameters, withWeight } from "../../src/Model/Gpt2.ts"
import { initialise } from "../../src/Model/Initialisation.ts"
import * as ModelConfig from "../../src/Model/ModelConfig.ts"
import { fold, key } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { dense } from "../../src/Weight/index.ts"
import { assertClose } from "../Weight/WeightContract.ts"
import { type ReferenceModel, referenceForward } from "./ReferenceGpt2.ts"
import { compressedGpt2, tinyGpt2 } from "./TinyGpt2.ts"

const texts = [
  [3, 1, 4, 1, 5],
  [9, 2, 6, 10, 0]
]

const tokensOf = (rows: ReadonlyArray<ReadonlyArray<number>>) =>
  Tensor.fromArray(Int32Array.from(rows.flat()), [rows.length, rows[0].length])

const read = (x: Tensor) => Effect.map(Tensor.toArray(x), (values) => Float64Array.from(values))

/** The model's numbers for the reference, weights folded into matrices. */
const asReference = Effect.fnUntraced(function* (model: Gpt2) {
  const numbers: Record<string, Float64Array> = {}
  for (const [name, weight] of Object.entries(model.weights))
    numbers[`${name}.weight`] = yield* Effect.flatMap(compute(weight.toDense), read)
  for (const [name, x] of Object.entries(model.tensors)) numbers[name] = yield* read(x)
  const { n_embd, n_head, n_layer, vocab_size, layer_norm_epsilon } = model.config
  const reference: ReferenceModel = {
    width: n_embd,
    heads: n_head,
    layers: n_layer,
    vocabulary: vocab_size,
    epsilon: layer_norm_epsilon,
    numbers: (name) => numbers[name]
  }
  return reference
})

const models = [
  ["dense", tinyGpt2],
  ["compressed", compressedGpt2]
] as const

describe.each(models)("a %s GPT-2", (_, make) => {
  it.effect("computes what the equations say, logits and hidden states", () =>
    Effect.gen(function* () {
      const model = yield* make
      const tokens = yield* tokensOf(texts)
      const { logits, hidden } = yield* compute((t) => forward(t, model, tokens, { hiddenStates: true }))
      const reference = yield* asReference(model)
      const expected = texts.map((text) => referenceForward(reference, text))
      assert.deepStrictEqual(logits.shape, [2, 5, 11])
      assertClose(
        yield* read(logits),
        expected.flatMap((one) => one.logits.flat())
      )
      assert.strictEqual(hidden.length, 3)
      for (let state = 0; state < 3; state++) {
        assert.deepStrictEqual(hidden[state].shape, [2, 5, 8])
        assertClose(
          yield* read(hidden[state]),
          expected.flatMap((one) => one.hidden[state].flat())
        )
      }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("does not look ahead: a later token changes no earlier logits", () =>
    Effect.gen(function* () {
      const model = yield* make
      const logitsOf = Effect.fnUntraced(function* (text: ReadonlyArray<number>) {
        const tokens = yield* tokensOf([text])
        return yield* read((yield* compute((t) => forward(t, model, tokens))).logits)
      })
      const before = yield* logitsOf([3, 1, 4, 1, 5])
      const after = yield* logitsOf([3, 1, 4, 7, 5])
      assert.deepStrictEqual(after.subarray(0, 33), before.subarray(0, 33))
      assert.notDeepEqual(after.subarray(33, 44), before.subarray(33, 44))
      assert.notDeepEqual(after.subarray(44), before.subarray(44))
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("has the gradient that central differences of the loss have, in every parameter", () =>
    Effect.gen(function* () {
      const model = yield* make
      const inputs = yield* tokensOf(texts)
      const targets = yield* tokensOf([
        [1, 4, -1, 5, 9],
        [2, -1, 10, 0, 3]
      ])
      const named = parameters(model)
      const { gradients } = yield* compute((t) =>
        t.valueAndGradients(named, () => ({ value: loss(t, model, inputs, targets) }))
      )
      const step = 1e-5
      for (const [name, x] of Object.entries(named)) {
        const values = yield* read(x)
        const gradient = yield* read(gradients[name])
        // The largest component and a few others.
        const largest = gradient.reduce(
          (best, g, i) => (Math.abs(g) > Math.abs(gradient[best]) ? i : best),
          0
        )
        for (const at of new Set([largest, 0, Math.floor(values.length / 3), values.length - 1])) {
          const losses: Array<number> = []
          for (const sign of [1, -1]) {
            const moved = values.slice()
            moved[at] += sign * step
            losses.push(
              yield* Effect.scoped(
                Effect.gen(function* () {
                  const other = withParameters(model, { [name]: yield* Tensor.fromArray(moved, x.shape) })
                  return yield* Tensor.toNumber(yield* compute((t) => loss(t, other, inputs, targets)))
                })
              )
            )
          }
          const difference = (losses[0] - losses[1]) / (2 * step)
          assert.closeTo(gradient[at], difference, 1e-8 + 1e-6 * Math.abs(difference), `${name}[${at}]`)
        }
      }
    }).pipe(Effect.provide(Mock.layer()))
  )
})

describe("forward", () => {
  it.effect("computes the same on the CPU in float32", () =>
    Effect.gen(function* () {
      for (const make of [tinyGpt2, compressedGpt2]) {
        const model = yield* make
        const tokens = yield* tokensOf(texts)
        const { logits } = yield* compute((t) => forward(t, model, tokens))
        const reference = yield* asReference(model)
        const expected = texts.flatMap((text) => referenceForward(reference, text).logits.flat())
        assertClose(yield* read(logits), expected, 1e-4)
      }
    }).pipe(Effect.provide(cpu({ threads: 1 })))
  )

  it.effect("frees everything but what it returns", () =>
    Effect.gen(function* () {
      const controls = yield* MockControls
      yield* Effect.scoped(
        Effect.gen(function* () {
          const model = yield* compressedGpt2
          const tokens = yield* tokensOf(texts)
          const { buffers } = yield* controls.live
          yield* compute((t) => forward(t, model, tokens).logits)
          assert.strictEqual((yield* controls.live).buffers, buffers + 1)
        })
      )
      assert.strictEqual((yield* controls.live).buffers, 0)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("keeps nothing of a teacher while a student's gradient is recorded", () =>
    Effect.gen(function* () {
      const teacher = yield* tinyGpt2
      const student = yield* tinyGpt2
      const tokens = yield* tokensOf(texts)
      yield* compute((t) => {
        t.valueAndGradients(parameters(student), () => {
          const { buffers } = t.region.kernels.live()
          const target = forward(t, teacher, tokens).logits
          assert.strictEqual(t.region.kernels.live().buffers, buffers + 1)
          return { value: t.sum(t.divergence(forward(t, student, tokens).logits, target)) }
        })
      })
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("needs no more memory for more layers", () =>
    Effect.gen(function* () {
      const peak = Effect.fnUntraced(function* (layers: number) {
        const controls = yield* MockControls
        const config = yield* ModelConfig.make({
          model_type: "gpt2",
          vocab_size: 16,
          n_positions: 64,
          n_embd: 8,
          n_layer: layers,
          n_head: 2
        })
        const model = yield* initialise(config, key(layers))
        const tokens = yield* tokensOf([Array.from({ length: 64 }, (_, i) => i % 16)])
        const { bytes } = yield* controls.live
        yield* compute((t) => forward(t, model, tokens).logits)
        return (yield* controls.peakBytes) - bytes
      })
      const two = yield* peak(2).pipe(Effect.scoped, Effect.provide(Mock.layer()))
      const six = yield* peak(6).pipe(Effect.scoped, Effect.provide(Mock.layer()))
      assert.strictEqual(six, two)
    })
  )

  it.effect("uses an untied head where there is one", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const tokens = yield* tokensOf(texts)
      const tied = yield* compute((t) => forward(t, model, tokens).logits)
      const twice = yield* compute((t) => t.multiply(model.weights.wte.toDense(t), 2))
      const untied = withWeight(model, "lm_head", dense(twice))
      const logits = yield* compute((t) => forward(t, untied, tokens).logits)
      assertClose(
        yield* read(logits),
        (yield* read(tied)).map((value) => 2 * value)
      )
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("drops the same for the same key, something else for another, and nothing at rate 0", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const tokens = yield* tokensOf(texts)
      const logitsOf = (rate: number, seed: number) =>
        Effect.flatMap(
          compute((t) => forward(t, model, tokens, { dropout: { rate, key: fold(key(1), seed) } }).logits),
          read
        )
      const plain = yield* Effect.flatMap(
        compute((t) => forward(t, model, tokens).logits),
        read
      )
      assert.deepStrictEqual(yield* logitsOf(0.5, 1), yield* logitsOf(0.5, 1))
      assert.notDeepEqual(yield* logitsOf(0.5, 1), yield* logitsOf(0.5, 2))
      assert.notDeepEqual(yield* logitsOf(0.5, 1), plain)
      assert.deepStrictEqual(yield* logitsOf(0, 1), plain)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("refuses texts longer than its positions, and tokens outside its vocabulary", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      for (const text of [[0, 1, 2, 3, 4, 5, 6], [11], [-1]]) {
        const tokens = yield* tokensOf([text])
        const error = yield* Effect.flip(compute((t) => forward(t, model, tokens)))
        assert.strictEqual(error._tag, "ShapeError")
      }
    }).pipe(Effect.provide(Mock.layer()))
  )
})

describe("loss", () => {
  it.effect("is the mean over the targets that count", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const inputs = yield* tokensOf(texts)
      const wanted = [
        [1, 4, -1, 5, -7],
        [-1, -1, 10, 0, 3]
      ]
      const targets = yield* tokensOf(wanted)
      const { logits } = yield* compute((t) => forward(t, model, inputs))
      const values = yield* read(logits)
      const expected = wanted.flat().map((target, row) => {
        if (target < 0) return 0
        const scores = values.subarray(11 * row, 11 * row + 11)
        return Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0)) - scores[target]
      })
      const losses = yield* compute((t) => tokenLosses(t, model, inputs, targets))
      assert.deepStrictEqual(losses.shape, [2, 5])
      assertClose(yield* read(losses), expected)
      const mean = yield* Tensor.toNumber(yield* compute((t) => loss(t, model, inputs, targets)))
      assert.closeTo(mean, expected.reduce((sum, value) => sum + value, 0) / 6, 1e-12)
      const none = yield* tokensOf([
        [-1, -1, -1, -1, -1],
        [-1, -1, -1, -1, -1]
      ])
      assert.strictEqual(yield* Tensor.toNumber(yield* compute((t) => loss(t, model, inputs, none))), 0)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("is the same where the logits are worked out in parts", () =>
    Effect.gen(function* () {
      // 2 x 40 x 2^18 logits do not fit into 2^24 at once, 64 rows do.
      const config = yield* ModelConfig.make({
        model_type: "gpt2",
        vocab_size: 1 << 18,
        n_positions: 40,
        n_embd: 2,
        n_layer: 1,
        n_head: 1
      })
      const model = yield* initialise(config, key(0))
      const text = Array.from({ length: 80 }, (_, i) => (i * 7919) % (1 << 18))
      const inputs = yield* tokensOf([text.slice(0, 40), text.slice(40)])
      const targets = yield* tokensOf([text.slice(1, 41), [...text.slice(41), -1]])
      const parts = yield* Effect.flatMap(
        compute((t) => tokenLosses(t, model, inputs, targets)),
        read
      )
      const whole = yield* Effect.flatMap(
        compute((t) => t.crossEntropy(forward(t, model, inputs).logits, targets)),
        read
      )
      assertClose(parts, whole, 1e-5)
    }).pipe(Effect.provide(cpu({ threads: 1 })))
  )
})

describe("initialise", () => {
  it.effect("is GPT-2's: deviations, gains and biases; and the key's alone", () =>
    Effect.gen(function* () {
      const config = yield* ModelConfig.make({
        model_type: "gpt2",
        vocab_size: 300,
        n_positions: 64,
        n_embd: 32,
        n_layer: 8,
        n_head: 2
      })
      const model = yield* initialise(config, key(5))
      const deviation = Effect.fnUntraced(function* (name: string) {
        const values = yield* read(parameters(model)[name])
        return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
      })
      // Six standard errors of a deviation from n samples: 6 / sqrt(2 n), false alarm below 1e-8.
      for (const [name, expected, count] of [
        ["wte.weight", 0.02, 9600],
        ["wpe.weight", 0.02, 2048],
        ["h.3.attn.c_attn.weight", 0.02, 3072],
        ["h.3.attn.c_proj.weight", 0.005, 1024],
        ["h.7.mlp.c_proj.weight", 0.005, 4096]
      ] as const)
        assert.closeTo(yield* deviation(name), expected, (expected * 6) / Math.sqrt(2 * count), name)
      assert.strictEqual(yield* deviation("h.0.ln_1.weight"), 1)
      assert.strictEqual(yield* deviation("h.0.attn.c_attn.bias"), 0)
      const again = parameters(yield* initialise(config, key(5)))
      const other = parameters(yield* initialise(config, key(6)))
      const name = "h.3.mlp.c_fc.weight"
      assert.deepStrictEqual(yield* read(again[name]), yield* read(parameters(model)[name]))
      assert.notDeepEqual(yield* read(other[name]), yield* read(parameters(model)[name]))
    }).pipe(Effect.provide(Mock.layer()))
  )
})
