import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, Scope } from "effect"
import { Compress } from "../../src/Compress/index.ts"
import { Distill } from "../../src/Distill/index.ts"
import { Kronecker } from "../../src/Kronecker/index.ts"
import { cpu, type TaskContext } from "../../src/Layers/index.ts"
import { type RemoteTrial, workerTask } from "../../src/TetraOpt/index.ts"
import {
  type Job,
  type Materials,
  prepare,
  type Settings,
  testPerplexity,
  validationPerplexity
} from "./Distillation.ts"

// What a worker thread of examples/tune.ts does: a trial, or, at the end, the judging of settings on text that the search never saw.

const services = ManagedRuntime.make(
  Layer.mergeAll(cpu(), Compress.layer.pipe(Layer.provide([Kronecker.layer, Distill.layer]))).pipe(
    Layer.provideMerge(Layer.merge(Distill.layer, NodeServices.layer))
  )
)

/** Loaded with the first trial, and there as long as the thread. */
let loaded: Promise<Materials> | undefined

const materialsOf = (job: Job) =>
  Effect.promise(() => {
    loaded ??= services.runPromise(Scope.provide(prepare(job), Scope.makeUnsafe()))
    return loaded
  })

export default (
  trial: RemoteTrial<Settings> & { readonly isJudged?: boolean },
  context: TaskContext
): Effect.Effect<number, unknown> => {
  const objective = (settings: Settings, { key, report }: Parameters<typeof validationPerplexity>[2]) =>
    Effect.gen(function* () {
      const environment = yield* services.contextEffect
      const materials = yield* materialsOf(context.data as Job)
      const perplexity =
        trial.isJudged === true
          ? testPerplexity(materials, settings, key)
          : validationPerplexity(materials, settings, { key, report })
      return yield* Effect.provideContext(perplexity, environment)
    })
  return workerTask(objective)(trial, context)
}
