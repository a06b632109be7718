import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path, Schema } from "effect"
import { Compress, tq81 } from "../../../src/Compress/index.ts"
import { modelCard } from "../../../src/Compress/report/ModelCard.ts"
import { recordRun } from "../../../src/Compress/report/RecordRun.ts"
import { compressionReport } from "../../../src/Compress/report/Report.ts"
import { rowOf, RunRecord } from "../../../src/Compress/report/RunRecord.ts"
import { Distill } from "../../../src/Distill/index.ts"
import { Kronecker } from "../../../src/Kronecker/index.ts"
import { evaluationWindows, initialise, TextSet } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { onMockWithFiles } from "../../Distill/onMockWithFiles.ts"
import { tinyConfig } from "../../Distill/TinyGpt2.ts"
import { byteTokenizer } from "../../Model/ByteBigrams.ts"

const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))

describe("recordRun", () => {
  it.effect("says of the result what its row says, and can be stored, reported and put on a card", () =>
    onMockWithFiles(
      Effect.gen(function* () {
        const fileSystem = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const compress = yield* Compress
        const tokenizer = yield* byteTokenizer
        const original = yield* initialise({ ...tinyConfig, vocab_size: 257 }, key(1))
        const plan = tq81({ vocabulary: 257, width: 8, hidden: 32, layers: 2 }, "none")
        const tokens = yield* tokenizer.encode("to be or not to be, that is the question")
        const evaluation = yield* evaluationWindows(tokens, 6)
        const comparison = yield* compress.compare({
          original,
          plan,
          fit: { key: key(2) },
          distillation: {
            steps: 3,
            rows: 1,
            learningRate: 1e-3,
            loss: { crossEntropy: 1, divergence: 1, temperature: 1 }
          },
          windows: yield* TextSet.trainingWindows(tokens, 6),
          evaluation,
          directory: join(yield* fileSystem.makeTempDirectoryScoped(), "progress"),
          identity: "",
          resume: false
        })
        const record = yield* recordRun({
          source: "tiny",
          license: "mit",
          command: "true",
          text: { name: "Hamlet", trainingTokens: tokens.length, judgedTokens: tokens.length, context: 6 },
          distillation: { steps: 3, rows: 1 },
          plan,
          comparison,
          tokenizer,
          questions: {
            windows: [evaluation],
            passages: [],
            generation: { prompt: "to", maximumTokens: 2, key: key(3) }
          }
        })
        const { reference, candidate } = record.sideBySide
        for (const [name, found] of [
          [record.originalRow, reference],
          [record.resultRow, candidate]
        ] as const) {
          const row = rowOf(record, name)
          assert.strictEqual(found.perplexities[0].perplexity, row?.perplexity)
          assert.strictEqual(found.storedParameters, row?.storedParameters)
        }
        assert.deepStrictEqual(
          record.weights.filter(({ spectrum }) => spectrum.length > 0).map(({ name }) => name),
          ["wte", "h.1.mlp.c_fc", "h.1.mlp.c_proj"]
        )
        const json = JSON.stringify(yield* Schema.encodeEffect(RunRecord)(record))
        assert.deepStrictEqual(
          yield* Schema.decodeUnknownEffect(Schema.fromJsonString(RunRecord))(json),
          record
        )
        const perplexity = candidate.perplexities[0].perplexity.toFixed(2)
        assert.include(yield* compressionReport(record), perplexity)
        assert.include(modelCard(record), perplexity)
      }).pipe(Effect.provide(services))
    )
  )
})
