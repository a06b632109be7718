import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { evaluateModel, memoryBytes, ModelEvaluation } from "../../src/Model/Evaluation.ts"
import { perplexity } from "../../src/Model/Perplexity.ts"
import { evaluationWindows } from "../../src/Model/PerplexityProtocol.ts"
import { besideReference, EvaluationMismatch } from "../../src/Model/SideBySide.ts"
import { predictedBytes } from "../../src/Model/TokenBytes.ts"
import { key } from "../../src/Random/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { byteBigrams, byteTokenizer } from "./ByteBigrams.ts"

const passages = [
  { context: "x", lastWord: "ab" },
  { context: "x", lastWord: "ac" },
  { context: "x", lastWord: "a" }
]

const evaluation = Effect.fnUntraced(function* (name: string, follows: Readonly<Record<string, string>>) {
  const model = yield* byteBigrams(follows)
  const tokenizer = yield* byteTokenizer
  const tokens = yield* tokenizer.encode("x abx abé")
  const windows = [
    yield* evaluationWindows(tokens, 4, "sliding"),
    yield* evaluationWindows(tokens, 4, "windows")
  ]
  const generation = { prompt: "x", maximumTokens: 5, topK: 1, key: key(1) }
  const record = yield* evaluateModel(model, tokenizer, { name, windows, passages, generation })
  return { model, tokenizer, windows, record }
})

const follows = { x: " ", " ": "a", a: "b", b: "x" }

describe("predictedBytes", () => {
  it.effect("are those of the tokens that a protocol predicts, special tokens not counted", () =>
    Effect.gen(function* () {
      const tokenizer = yield* byteTokenizer
      const tokens = Int32Array.from([...(yield* tokenizer.encode("abcdefg")), 256])
      const sliding = yield* evaluationWindows(tokens, 4, "sliding")
      // All but the first byte; the end of the text has none.
      assert.strictEqual(predictedBytes(sliding, tokenizer), 6)
      const side = yield* evaluationWindows(tokens, 4, "windows")
      assert.strictEqual(predictedBytes(side, tokenizer), 5)
    })
  )
})

describe("evaluateModel", () => {
  it.effect("says what each measure says by itself, and comes back from JSON", () =>
    Effect.gen(function* () {
      const { model, tokenizer, windows, record } = yield* evaluation("bigrams", follows)
      for (const [i, one] of windows.entries()) {
        const alone = yield* perplexity(model, one, { bytes: predictedBytes(one, tokenizer) })
        const { perplexity: found, bitsPerByte, protocol } = record.perplexities[i]
        assert.strictEqual(protocol, one.protocol)
        assert.strictEqual(found, alone.perplexity)
        assert.strictEqual(bitsPerByte, alone.bitsPerByte)
      }
      // A byte is a token here: the bits of the one are those of the other.
      const [sliding] = record.perplexities
      assert.closeTo(sliding.bitsPerByte, sliding.natsPerToken / Math.LN2, 1e-12)
      assert.deepStrictEqual(record.lastWord?.guessed, [true, false, true])
      assert.deepStrictEqual(record.generation, { prompt: "x", continuation: " abx ", tokens: 5 })
      assert.deepStrictEqual(record.formats, { dense: 6 })
      assert.strictEqual(record.storedParameters - record.parametersWithoutHead, 257 * 257)
      assert.strictEqual(record.storedBytes, 4 * record.storedParameters)
      // The mock computes in float64.
      assert.strictEqual(memoryBytes(model), 2 * record.storedBytes)
      const text = JSON.stringify(yield* Schema.encodeEffect(ModelEvaluation)(record))
      assert.deepStrictEqual(
        yield* Schema.decodeUnknownEffect(Schema.fromJsonString(ModelEvaluation))(text),
        record
      )
    }).pipe(onMock)
  )
})

describe("besideReference", () => {
  it.effect("compares passage by passage, and by ratios", () =>
    Effect.gen(function* () {
      const { record: reference } = yield* evaluation("reference", follows)
      const { record: candidate } = yield* evaluation("candidate", { ...follows, a: "c" })
      const { ratios, lastWord } = yield* besideReference(reference, candidate)
      assert.strictEqual(ratios.storedParameters, 1)
      assert.strictEqual(
        ratios.perplexities[0].ratio,
        candidate.perplexities[0].perplexity / reference.perplexities[0].perplexity
      )
      // "ab" is lost and "ac" won: no difference, with the spread of two of three passages that changed.
      assert.deepStrictEqual(lastWord, {
        difference: 0,
        standardError: Math.sqrt(2 / 3 / 3),
        referenceOnly: 1,
        candidateOnly: 1
      })
    }).pipe(onMock)
  )

  it.effect("refuses records of other questions", () =>
    Effect.gen(function* () {
      const { record } = yield* evaluation("one", follows)
      const others: ReadonlyArray<readonly [string, ModelEvaluation]> = [
        ["prompt", { ...record, generation: { ...record.generation, prompt: "y" } }],
        ["perplexities", { ...record, perplexities: record.perplexities.slice(1) }],
        ["passages", { ...record, lastWord: null }]
      ]
      for (const [what, other] of others) {
        const failure = yield* Effect.flip(besideReference(record, other))
        assert.instanceOf(failure, EvaluationMismatch)
        assert.include(failure.message, what)
      }
    }).pipe(onMock)
  )
})
