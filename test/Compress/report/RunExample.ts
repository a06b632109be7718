import type { RunRecord } from "../../../src/Compress/report/RunRecord.ts"
import type { ModelEvaluation } from "../../../src/Model/Evaluation.ts"

/** A record of a run that never was, every number its own, with texts that a page must not believe. */
export const hostile = '<script>alert("1")</script> | `code` \n# & *stars*'

const evaluation = (name: string, offset: number): ModelEvaluation => ({
  name,
  storedParameters: 1_000_000 + offset,
  parametersWithoutHead: 900_000 + offset,
  storedBytes: 4_000_000 + offset,
  memoryBytes: 5_000_000 + offset,
  formats: { dense: 4, kronecker: offset },
  perplexities: [
    {
      protocol: "sliding",
      context: 64,
      countedTargets: 999,
      perplexity: 31.25 + offset,
      natsPerToken: 3.4,
      bitsPerByte: 1.125 + offset
    }
  ],
  lastWord: { passages: 2, accuracy: 0.5, standardError: 0.25, guessed: [true, false] },
  generation: { prompt: hostile, continuation: "```\nfence\n```", tokens: 3 },
  speed: { reading: 12_345 + offset, generating: 321 + offset }
})

const kronecker = {
  format: "kronecker",
  terms: 2,
  left: [4, 8],
  right: [2, 4],
  permute: "rows"
} as const

export const runExample: RunRecord = {
  source: hostile,
  license: "apache-2.0",
  command: "pnpm tsx examples/compress-gpt2.ts --text 'a b'",
  text: { name: hostile, trainingTokens: 54_321, judgedTokens: 777, context: 64 },
  distillation: { steps: 20, rows: 8 },
  plan: {
    version: 1,
    stages: [
      { name: hostile, weights: { "h.1.mlp.c_fc": kronecker } },
      { name: "the rest", weights: { wte: { format: "low-rank", rank: 3 } } }
    ]
  },
  rows: [
    ["original", 1_000_000, 0, 31.25],
    ["svd", 700_001, 0.3141, 80.5],
    ["kronecker-permuted-distilled", 700_002, 0.2718, 40.75],
    [hostile, 700_003, 0.1414, 400.5]
  ].map(([name, storedParameters, relativeError, perplexity]) => ({
    name: String(name),
    storedParameters: Number(storedParameters),
    storedBytes: 4 * Number(storedParameters),
    relativeError: Number(relativeError),
    perplexity: Number(perplexity),
    tokensPerSecond: 100
  })),
  originalRow: "original",
  resultRow: "kronecker-permuted-distilled",
  curves: [
    {
      row: "kronecker-permuted-distilled",
      points: [5, 10, 15, 20].map((step) => ({
        stage: step > 10 ? "the rest" : hostile,
        step,
        loss: 7 - step / 10
      }))
    }
  ],
  weights: [
    {
      name: "wte",
      inputs: 11,
      outputs: 8,
      format: "low-rank",
      label: "rank 3",
      description: "low rank, 3",
      storedParameters: 57,
      relativeError: 0.4321,
      spectrum: [1, 2, 3, 4].map((place) => ({
        place,
        original: 5 - place,
        kept: place < 4 ? 4.5 - place : 0
      }))
    },
    ...["h.0.mlp.c_fc", "h.1.mlp.c_fc"].map((name, i) => ({
      name,
      inputs: 8,
      outputs: 32,
      format: ["dense", "kronecker"][i],
      label: ["dense", "Kronecker 2"][i],
      description: ["dense", "Kronecker, 2 terms of [4, 8] ⊗ [2, 4], rows permuted"][i],
      storedParameters: [256, 88][i],
      relativeError: [0, 0.2345][i],
      spectrum: i === 0 ? [] : [{ place: 1, original: 2, kept: 1 }]
    }))
  ],
  sideBySide: {
    reference: evaluation("original", 0),
    candidate: evaluation("compressed", 2),
    ratios: {
      storedParameters: 1,
      storedBytes: 1,
      memoryBytes: 1,
      reading: 1,
      generating: 1,
      perplexities: [{ protocol: "sliding", ratio: 1 }]
    },
    lastWord: { difference: -0.125, standardError: 0.0625, referenceOnly: 3, candidateOnly: 1 }
  }
}
