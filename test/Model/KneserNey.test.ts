import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as KneserNey from "../../src/Model/KneserNey.ts"
import { key, stream } from "../../src/Random/index.ts"

const vocabularySize = 6

// A Markov chain of the second order over the tokens 0 .. 4; token 5 never occurs.
const chain = (length: number, seed: string): Int32Array => {
  const numbers = stream(key(seed))
  const tokens = new Int32Array(length)
  for (let i = 2; i < length; i++) {
    tokens[i] = numbers.bernoulli(0.7) ? (tokens[i - 1] + 2 * tokens[i - 2] + 1) % 5 : numbers.integer(5)
  }
  return tokens
}

const train = chain(2000, "train")
const heldOut = chain(500, "held out")

// The definition, with sets and maps of n-grams written out as text.
const reference = (tokens: Int32Array, order: number, discount: number) => {
  const gram = (end: number, length: number) => tokens.subarray(end - length, end).join(",")
  const counts = Array.from({ length: order + 1 }, () => new Map<string, number>())
  for (let length = 1; length <= order; length++) {
    const seen = new Set<string>()
    for (let end = length; end <= tokens.length; end++) {
      const name = gram(end, length)
      const longer = end > length ? gram(end, length + 1) : undefined
      if (length < order && (longer === undefined || seen.has(longer))) continue
      if (longer !== undefined) seen.add(longer)
      counts[length].set(name, (counts[length].get(name) ?? 0) + 1)
    }
  }
  return (history: ReadonlyArray<number>, token: number): number => {
    let probability = 1 / vocabularySize
    for (let length = 1; length <= Math.min(order, history.length + 1); length++) {
      const suffix = history.slice(history.length - length + 1)
      const of = (w: number) => counts[length].get([...suffix, w].join(",")) ?? 0
      const all = Array.from({ length: vocabularySize }, (_, w) => of(w))
      const total = all.reduce((sum, n) => sum + n, 0)
      if (total === 0) break
      const followers = all.filter((n) => n > 0).length
      probability = (Math.max(of(token) - discount, 0) + discount * followers * probability) / total
    }
    return probability
  }
}

describe("KneserNey", () => {
  for (const order of [1, 2, 3, 5]) {
    it.effect(`of order ${order} is the definition's, token by token`, () =>
      Effect.gen(function* () {
        const model = yield* KneserNey.fit(train, { vocabularySize, order, discount: 0.75 })
        const expected = reference(train, order, 0.75)
        let loss = 0
        for (let i = 0; i < 200; i++) {
          const history = [...heldOut.subarray(Math.max(0, i - order + 1), i)]
          const probability = expected(history, heldOut[i])
          assert.approximately(model.probability(history, heldOut[i]), probability, 1e-12)
          loss -= Math.log(probability)
        }
        assert.approximately(yield* model.meanLoss(heldOut.subarray(0, 200)), loss / 200, 1e-12)
      })
    )
  }

  it.effect("gives probabilities that sum to one after any history, seen or not", () =>
    Effect.gen(function* () {
      for (const discount of [0.4, "modified"] as const) {
        const model = yield* KneserNey.fit(train, { vocabularySize, discount })
        const histories = [
          [],
          [0],
          [5],
          [1, 5],
          [5, 1, 2],
          [...train.subarray(0, 9)],
          [4, 4, 4, 4, 4, 4],
          [...train.subarray(-4)]
        ]
        for (const history of histories) {
          let sum = 0
          for (let token = 0; token < vocabularySize; token++) {
            const probability = model.probability(history, token)
            assert.isAbove(probability, 0)
            sum += probability
          }
          assert.approximately(sum, 1, 1e-12)
        }
      }
    })
  )

  it.effect("learns: trigrams come near the chain's entropy, bigrams and unigrams do not", () =>
    Effect.gen(function* () {
      // The likely token has probability 0.7 + 0.3 / 5, each other 0.06.
      const entropy = -(0.76 * Math.log(0.76) + 4 * 0.06 * Math.log(0.06))
      const long = chain(20_000, "long")
      const losses: Array<number> = []
      for (const order of [1, 2, 3]) {
        const model = yield* KneserNey.fit(long, { vocabularySize, order })
        losses.push(yield* model.meanLoss(heldOut))
      }
      // 500 losses deviate by 1.08 from their mean; 4.89 standard errors (false alarm 1e-6).
      assert.approximately(losses[2], entropy, (4.89 * 1.084) / Math.sqrt(500))
      assert.isAbove(losses[1], entropy + 0.3)
      assert.isAbove(losses[0], entropy + 0.3)
    })
  )

  it.effect("does no worse with the estimated discounts than with a poor fixed one", () =>
    Effect.gen(function* () {
      const modified = yield* KneserNey.fit(train, { vocabularySize })
      const fixed = yield* KneserNey.fit(train, { vocabularySize, discount: 0.1 })
      assert.isBelow(yield* modified.meanLoss(heldOut), yield* fixed.meanLoss(heldOut))
    })
  )

  it.effect("stores each n-gram once", () =>
    Effect.gen(function* () {
      const model = yield* KneserNey.fit(Int32Array.of(0, 1, 0, 1, 0, 1, 2), { vocabularySize, order: 3 })
      // 0 1 2; 01 10 12; 010 101 012
      assert.strictEqual(model.storedNgrams, 9)
    })
  )

  it.effect("takes a text of one token, and fails for tokens outside the vocabulary", () =>
    Effect.gen(function* () {
      const model = yield* KneserNey.fit(Int32Array.of(3), { vocabularySize })
      assert.approximately(model.probability([], 3), 1 / 6, 1e-12)
      const error = yield* Effect.flip(model.meanLoss(Int32Array.of(0, 6)))
      assert.strictEqual(error._tag, "TokenOutOfRange")
      assert.deepStrictEqual([error.position, error.token], [1, 6])
      const negative = yield* Effect.flip(KneserNey.fit(Int32Array.of(0, -1), { vocabularySize }))
      assert.include(negative.message, "token -1 at position 1")
    })
  )
})
