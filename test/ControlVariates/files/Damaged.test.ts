import { assert, describe, it } from "@effect/vitest"
import {
  ChainError,
  chainsOfCsv,
  chainsOfInferenceData,
  chainsOfStan,
  decodeNpy,
  encodeNpy,
  inferenceDataOf,
  SampleFileError
} from "../../../src/ControlVariates/index.ts"
import { fold, key, stream, type Stream } from "../../../src/Random/index.ts"
import { gaussianChains } from "../gaussianChains.ts"

const chains = gaussianChains({ mean: [0, 1], precision: [1, 0, 0, 1], chains: 2, draws: 6 })

const rowsOf = (x: Float64Array): string =>
  Array.from({ length: x.length / 2 }, (_, t) => `${x[2 * t]},${x[2 * t + 1]}`).join("\n")

const samples = `a,b\n${rowsOf(chains.values)}\n`
const scores = `a,b\n${rowsOf(chains.scores)}\n`
const stan = `# Stan\nlp__,accept_stat__,a,b\n${Array.from({ length: 12 }, (_, t) => `-1,1,${chains.values[2 * t]},${chains.values[2 * t + 1]}`).join("\n")}\n`

/** Text with some bytes cut out, doubled, overwritten or cut off at the end. */
const damaged = (bytes: Uint8Array, random: Stream): Uint8Array => {
  const [at, length] = [random.integer(bytes.length), 1 + random.integer(12)]
  const [before, after] = [bytes.slice(0, at), bytes.slice(at + length)]
  const inserted = [
    () => new Uint8Array(0),
    () => bytes.slice(at, at + 2 * length),
    () => new Uint8Array(length).map(() => random.integer(256)),
    () => new TextEncoder().encode(["NaN", ",,", "\n", "1e999", "[]", '"', "-", "null"][random.integer(8)])
  ][random.integer(4)]()
  const kept = random.bernoulli(0.2) ? new Uint8Array(0) : after
  return Uint8Array.from([...before, ...inserted, ...kept])
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const readers = {
  "plain CSV": [
    new TextEncoder().encode(samples),
    (bytes: Uint8Array) =>
      chainsOfCsv({ path: "s.csv", text: textOf(bytes) }, { path: "g.csv", text: scores }, { chains: 2 })
  ],
  "scores in CSV": [
    new TextEncoder().encode(scores),
    (bytes: Uint8Array) =>
      chainsOfCsv({ path: "s.csv", text: samples }, { path: "g.csv", text: textOf(bytes) }, { chains: 2 })
  ],
  "Stan's CSV": [
    new TextEncoder().encode(stan),
    (bytes: Uint8Array) => chainsOfStan([{ path: "1.csv", text: textOf(bytes) }])
  ],
  InferenceData: [
    new TextEncoder().encode(JSON.stringify(inferenceDataOf(chains))),
    (bytes: Uint8Array) => chainsOfInferenceData(textOf(bytes), "i.json")
  ],
  ".npy": [
    encodeNpy({ shape: [2, 6, 2], values: chains.values }),
    (bytes: Uint8Array) => decodeNpy(bytes, "d.npy")
  ]
} as const

describe.each(Object.entries(readers))("damaged %s", (name, [bytes, read]) => {
  it("is read, or refused by an error that says why; 500 damages", () => {
    read(bytes)
    let refused = 0
    for (let n = 0; n < 500; n++) {
      const broken = damaged(bytes, stream(fold(key(name), n)))
      try {
        read(broken)
      } catch (cause) {
        refused++
        assert.isTrue(
          cause instanceof SampleFileError || cause instanceof ChainError,
          `${String(cause)}\n${textOf(broken).slice(0, 200)}`
        )
      }
    }
    assert.isAbove(refused, 100)
  })
})
