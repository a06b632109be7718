import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Mock, MockControls } from "../../src/Layers/Mock.ts"
import { forward } from "../../src/Model/Forward.ts"
import { type Cache, extend, generate } from "../../src/Model/Generation.ts"
import type { Gpt2 } from "../../src/Model/Gpt2.ts"
import { key } from "../../src/Random/index.ts"
import { compute, Tensor } from "../../src/Tensor/index.ts"
import { assertClose } from "../Weight/WeightContract.ts"
import { compressedGpt2, tinyGpt2 } from "./TinyGpt2.ts"

/** The last position's logits by the whole network, without a cache. */
const lastLogits = Effect.fnUntraced(function* (model: Gpt2, text: ReadonlyArray<number>) {
  const tokens = yield* Tensor.fromArray(Int32Array.from(text), [1, text.length])
  const values = yield* Tensor.toArray(yield* compute((t) => forward(t, model, tokens).logits))
  return Float64Array.from(values.slice(-model.config.vocab_size))
})

const collect = (...given: Parameters<typeof generate>) => Stream.runCollect(generate(...given))

describe("extend", () => {
  it.effect("gives the logits of the uncached network, token by token, for weights of any format", () =>
    Effect.gen(function* () {
      for (const make of [tinyGpt2, compressedGpt2]) {
        const model = yield* make
        const text = [3, 1, 4, 1, 5, 9]
        for (const prompt of [1, 3]) {
          let cache: Cache = []
          for (let end = prompt; end <= text.length; end++) {
            const unread = end === prompt ? text.slice(0, end) : [text[end - 1]]
            const read = yield* compute((t) => extend(t, model, cache, unread))
            assertClose(yield* Tensor.toArray(read.logits), yield* lastLogits(model, text.slice(0, end)))
            cache = read.cache
            assert.deepStrictEqual(cache[1].keys.shape, [2, end, 4])
          }
        }
      }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("takes one token where there is a cache, and at least one without", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const { cache } = yield* compute((t) => extend(t, model, [], [1, 2]))
      assert.strictEqual(
        (yield* Effect.flip(compute((t) => extend(t, model, cache, [1, 2]))))._tag,
        "ShapeError"
      )
      assert.strictEqual((yield* Effect.flip(compute((t) => extend(t, model, [], []))))._tag, "ShapeError")
    }).pipe(Effect.provide(Mock.layer()))
  )
})

describe("generate", () => {
  it.effect("greedily continues as the uncached network does, also beyond its positions", () =>
    Effect.gen(function* () {
      for (const make of [tinyGpt2, compressedGpt2]) {
        const model = yield* make
        // Six positions: where a seventh would be needed, the last three tokens start a new window.
        let window = [3, 1, 4]
        const expected: Array<number> = []
        for (let i = 0; i < 12; i++) {
          if (window.length > 6) window = window.slice(-3)
          const logits = yield* lastLogits(model, window)
          const token = logits.indexOf(Math.max(...logits))
          expected.push(token)
          window.push(token)
        }
        assert.deepStrictEqual(yield* collect(model, [3, 1, 4], { maximumTokens: 12 }), expected)
      }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("reads the last half of its positions of a prompt that is longer than they are", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const long = yield* collect(model, [9, 9, 9, 9, 3, 1, 4], { maximumTokens: 3 })
      assert.deepStrictEqual(long, yield* collect(model, [3, 1, 4], { maximumTokens: 3 }))
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("draws the same tokens for the same key, with and without the rest of the stream", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const draw = (seed: number, maximumTokens = 30) =>
        collect(model, [0], { maximumTokens, sampling: { temperature: 3, key: key(seed) } })
      const once = yield* draw(1)
      assert.strictEqual(once.length, 30)
      assert.deepStrictEqual(yield* draw(1), once)
      assert.deepStrictEqual(yield* draw(1, 7), once.slice(0, 7))
      assert.notDeepEqual(yield* draw(2), once)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("draws in proportion to softmax(logits / temperature)", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const temperature = 2
      const logits = yield* lastLogits(model, [0])
      const weights = logits.map((value) => Math.exp(value / temperature))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const draws = 600
      const counts = new Float64Array(11)
      for (let seed = 0; seed < draws; seed++) {
        const [token] = yield* collect(model, [0], {
          maximumTokens: 1,
          sampling: { temperature, key: key(seed) }
        })
        counts[token]++
      }
      // Pearson's statistic with 10 degrees of freedom exceeds 45 with probability 2e-6; the keys are fixed.
      const statistic = counts.reduce((sum, count, token) => {
        const expected = (draws * weights[token]) / total
        return sum + (count - expected) ** 2 / expected
      }, 0)
      assert.isBelow(statistic, 45)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("draws only among the topK likeliest; of one it is greedy", () =>
    Effect.gen(function* () {
      const model = yield* compressedGpt2
      const greedy = yield* collect(model, [7], { maximumTokens: 10 })
      const sampling = { temperature: 5, topK: 1, key: key(3) }
      assert.deepStrictEqual(yield* collect(model, [7], { maximumTokens: 10, sampling }), greedy)
      const logits = yield* lastLogits(model, [7])
      const best = [...logits.keys()].toSorted((a, b) => logits[b] - logits[a]).slice(0, 3)
      for (let seed = 0; seed < 40; seed++) {
        const [token] = yield* collect(model, [7], {
          maximumTokens: 1,
          sampling: { ...sampling, topK: 3, key: key(seed) }
        })
        assert.include(best, token)
      }
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("ends after the end of the text", () =>
    Effect.gen(function* () {
      const model = yield* tinyGpt2
      const all = yield* collect(model, [0], { maximumTokens: 20 })
      const endOfText = all[4]
      const ended = yield* collect(model, [0], { maximumTokens: 20, endOfText })
      assert.deepStrictEqual(ended, all.slice(0, all.indexOf(endOfText) + 1))
      assert.deepStrictEqual(yield* collect(model, [0], { maximumTokens: 0 }), [])
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("holds one cache at a time, and none at the end, after a failure or when it is left", () =>
    Effect.gen(function* () {
      const controls = yield* MockControls
      const model = yield* tinyGpt2
      const before = (yield* controls.live).buffers
      const during: Array<number> = []
      yield* generate(model, [1], { maximumTokens: 12 }).pipe(
        Stream.tap(() => Effect.map(controls.live, ({ buffers }) => during.push(buffers - before))),
        Stream.runDrain
      )
      // Keys and values of two layers, and the logits.
      assert.deepStrictEqual(new Set(during), new Set([5]))
      assert.strictEqual((yield* controls.live).buffers, before)
      yield* Stream.runDrain(Stream.take(generate(model, [1], { maximumTokens: 12 }), 3))
      assert.strictEqual((yield* controls.live).buffers, before)
      yield* controls.failAt(100)
      const error = yield* Effect.flip(collect(model, [1], { maximumTokens: 12 }))
      assert.strictEqual(error._tag, "KernelError")
      assert.strictEqual((yield* controls.live).buffers, before)
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("fails for what makes no sense", () =>
    Effect.gen(function* () {
      const controls = yield* MockControls
      const model = yield* tinyGpt2
      const fail = (prompt: ReadonlyArray<number>, sampling?: { temperature?: number; topK?: number }) =>
        Effect.flip(
          collect(model, prompt, {
            maximumTokens: 2,
            sampling: sampling && { ...sampling, key: key(0) }
          })
        )
      assert.strictEqual((yield* fail([]))._tag, "ShapeError")
      assert.strictEqual((yield* fail([11]))._tag, "ShapeError")
      for (const sampling of [{ temperature: 0 }, { temperature: NaN }, { topK: 0 }, { topK: 1.5 }])
        assert.strictEqual((yield* fail([1], sampling))._tag, "NumericalError")
      yield* controls.nanAt(10)
      assert.strictEqual((yield* fail([1]))._tag, "NumericalError")
    }).pipe(Effect.provide(Mock.layer()))
  )
})
