// Loads, fits tq81 with permutations, saves, and prints JSON: node bench/scale/CompressOnce.ts FROM TO
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { codecs, Compress, Plan, tq81 } from "../../src/Compress/index.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import * as Layers from "../../src/Layers/index.ts"
import { load, ModelConfig, save, storedParameters } from "../../src/Model/index.ts"
import { key } from "../../src/Random/index.ts"
import { Backend } from "../../src/Tensor/index.ts"

const [from, to] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const { description } = yield* Backend
  const marks = [performance.now()]
  const mark = () => marks.push(performance.now())
  const original = yield* load(from, codecs)
  mark()
  const { config } = original
  const plan = tq81(
    {
      vocabulary: config.vocab_size,
      width: config.n_embd,
      hidden: ModelConfig.innerWidth(config),
      layers: config.n_layer
    },
    "rows-and-columns"
  )
  const compress = yield* Compress
  const model = yield* compress.replace(original, Plan.finalWeights(plan), { key: key(1) }, (fitted) =>
    Console.error(`${fitted.name}: relative error ${fitted.relativeError.toFixed(4)}`)
  )
  mark()
  yield* save(model, to, { codecs })
  mark()
  const [load_, fit, save_] = marks.slice(1).map((time, i) => (time - marks[i]) / 1000)
  const peakBytes = process.resourceUsage().maxRSS * 1024
  yield* Console.log(
    JSON.stringify({
      engine: description,
      storedParameters: storedParameters(model),
      load: load_,
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
