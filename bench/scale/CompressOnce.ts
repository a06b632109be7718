// Loads, plans, fits, saves, and prints JSON: node bench/scale/CompressOnce.ts FROM TO tq81|budget
// tq81: the recipe with permutations; budget: a plan for 0.65 of the numbers, its fits weighted by text and permuted.
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { codecs, Compress, Plan, tq81 } from "../../src/Compress/index.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import * as Layers from "../../src/Layers/index.ts"
import { load, ModelConfig, save, storedParameters } from "../../src/Model/index.ts"
import { key, stream } from "../../src/Random/index.ts"
import { Backend } from "../../src/Tensor/index.ts"

const [from, to, what] = process.argv.slice(2)

/** Tokens as uneven as those of text: of a random model nothing else matters. */
const calibrationTokens = (vocabulary: number): Int32Array => {
  const numbers = stream(key("text"))
  return Int32Array.from({ length: 8192 }, () => Math.floor(vocabulary ** numbers.uniform()) - 1)
}

const program = Effect.gen(function* () {
  const { description } = yield* Backend
  const marks = [performance.now()]
  const mark = () => marks.push(performance.now())
  const original = yield* load(from, codecs)
  mark()
  const { config } = original
  const compress = yield* Compress
  const options =
    what === "budget"
      ? { key: key(1), calibration: { tokens: calibrationTokens(config.vocab_size) } }
      : { key: key(1), calibration: undefined }
  const plan =
    options.calibration === undefined
      ? tq81(
          {
            vocabulary: config.vocab_size,
            width: config.n_embd,
            hidden: ModelConfig.innerWidth(config),
            layers: config.n_layer
          },
          "rows-and-columns"
        )
      : (yield* compress.plan(
          original,
          {
            budget: Math.floor(0.65 * storedParameters(original)),
            calibration: options.calibration,
            key: key(1)
          },
          ({ name, step }) => Console.error(`plan: ${name}, ${step}`)
        )).plan
  mark()
  const model = yield* compress.replace(original, Plan.finalWeights(plan), options, (fitted) =>
    Console.error(`${fitted.name}: relative error ${fitted.relativeError.toFixed(4)}`)
  )
  mark()
  yield* save(model, to, { codecs })
  mark()
  const [load_, planning, fit, save_] = marks.slice(1).map((time, i) => (time - marks[i]) / 1000)
  const peakBytes = process.resourceUsage().maxRSS * 1024
  yield* Console.log(
    JSON.stringify({
      engine: description,
      what,
      storedParameters: storedParameters(model),
      load: load_,
      plan: planning,
      fit,
      save: save_,
      peakBytes
    })
  )
})

const services = Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))
program.pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(services, Layers.cpu())),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
