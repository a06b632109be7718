import { Effect } from "effect"
import { adamW, Distill, Schedule } from "../src/Distill/index.ts"
import * as Layers from "../src/Layers/index.ts"
import { forward, initialise, ModelConfig, TextSet } from "../src/Model/index.ts"
import { key, stream } from "../src/Random/index.ts"
import { Backend, compute } from "../src/Tensor/index.ts"
import { upload } from "../src/Tensor/Host.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"
import { type KernelTimes, timedBackend } from "./TimedBackend.ts"

interface PeerResult {
  readonly version: string
  readonly forward: number
  readonly step: number
}

const sizes = [
  { name: "shipped", width: 192, layers: 6, heads: 6, vocabulary: 2048, tokens: 256, batch: 8 },
  { name: "d = 256", width: 256, layers: 4, heads: 4, vocabulary: 4096, tokens: 128, batch: 8 }
]
type Size = (typeof sizes)[number]

const threads = 2

/** Those that are absent say why. */
const engines = [
  Layers.cpu({ engine: "blas", threads }),
  Layers.cpu({ engine: "wasm", threads }),
  Layers.tensorflow(),
  Layers.gpu(),
  Layers.webGpu({ software: "refuse" })
]

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** Median seconds of an effect: three runs to warm up, then for `seconds` and at least five. */
const medianOf = <E, R>(run: Effect.Effect<unknown, E, R>, seconds: number, warm: () => void) =>
  Effect.gen(function* () {
    for (let i = 0; i < 3; i++) yield* run
    warm()
    const times: Array<number> = []
    const until = performance.now() + 1000 * seconds
    while (times.length < 5 || performance.now() < until) {
      const start = performance.now()
      yield* run
      times.push((performance.now() - start) / 1000)
    }
    return { seconds: median(times), runs: times.length }
  })

const measure = Effect.fnUntraced(function* (size: Size, seconds: number, times: KernelTimes) {
  const { width, layers, heads, vocabulary, tokens, batch } = size
  const config = yield* ModelConfig.make({
    model_type: "gpt2",
    vocab_size: vocabulary,
    n_positions: tokens,
    n_embd: width,
    n_layer: layers,
    n_head: heads
  })
  const model = yield* initialise(config, key(1))
  const numbers = stream(key(2))
  const text = Int32Array.from({ length: 20_000 }, () => numbers.integer(vocabulary))
  const windows = yield* TextSet.trainingWindows(text, tokens)
  const { inputs } = windows.sample(batch, numbers)
  const forwardPass = compute((t) => {
    t.tidy(() => {
      forward(t, model, upload(t.region, inputs, [batch, tokens]))
    })
  })
  const passes = yield* medianOf(forwardPass, seconds, () => {})

  const distill = yield* Distill
  const run = yield* distill.prepare({
    student: model,
    nextBatch: (from) => windows.sample(batch, from),
    steps: 1_000_000,
    schedule: Schedule.constant({ peak: 1e-4 }),
    optimizer: adamW(),
    clipNorm: 1,
    reportEvery: 1,
    key: key(3)
  })
  let state = yield* run.init
  const step = Effect.gen(function* () {
    const [next] = yield* run.step(state)
    state = next
  })
  const steps = yield* medianOf(step, seconds, () => times.clear())
  return { forward: passes.seconds, step: steps.seconds, steps: steps.runs }
}, Effect.scoped)

/**
 * A forward pass and a training step (cross-entropy, clipping, AdamW) of two small GPT-2s, against PyTorch on as many threads; and where a
 * training step spends its time, kernel by kernel.
 */
export const gpt2 = Effect.fn("bench.gpt2")(function* (seconds: number) {
  const rows: Array<Record<string, string | number>> = []
  const versions: Array<string> = []
  for (const size of sizes) {
    const { name, ...work } = size
    const peer = runPeer<PeerResult>("gpt2", { ...work, threads, seconds })
    versions.push(isAbsent(peer) ? `PyTorch absent: ${peer.absent}` : `${peer.version}, ${threads} threads`)
    for (const engine of engines) {
      const times: KernelTimes = new Map()
      const part = Effect.gen(function* () {
        const { description } = yield* Backend
        const found = yield* measure(size, seconds, times)
        const count = size.tokens * size.batch
        const row = (what: string, own: number, other: number | undefined) =>
          rows.push({
            model: name,
            engine: description,
            what,
            seconds: own,
            "tokens/s": Math.round(count / own),
            ...(other === undefined ? {} : { "ratio to PyTorch": other / own })
          })
        row("forward", found.forward, isAbsent(peer) ? undefined : peer.forward)
        row("training step", found.step, isAbsent(peer) ? undefined : peer.step)
        const spent = [...times].toSorted((a, b) => b[1].seconds - a[1].seconds).slice(0, 12)
        for (const [kernel, { seconds: all, calls }] of spent)
          rows.push({
            model: name,
            engine: description,
            what: `  ${kernel}, ${Math.round(calls / found.steps)} calls`,
            seconds: all / found.steps
          })
      }).pipe(
        Effect.provide(timedBackend(engine, times)),
        Effect.catchTag("BackendUnavailable", (error) =>
          Effect.sync(() => {
            versions.push(error.message)
          })
        )
      )
      yield* part
    }
  }
  return { name: "gpt2", versions: [...new Set(versions)], rows } satisfies Report
}, Effect.provide(Distill.layer))
