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

/** A trial, or settings to judge; a runner of a cluster learns the job with each, others with their start. */
export type Evaluation = RemoteTrial<Settings> & { readonly isJudged?: boolean; readonly job?: Job }

/** Loaded with the first trial of a job, and there as long as the thread. */
const loaded = new Map<string, Promise<Materials>>()

const materialsOf = (job: Job) =>
  Effect.promise(() => {
    const name = JSON.stringify(job)
    const materials = loaded.get(name) ?? services.runPromise(Scope.provide(prepare(job), Scope.makeUnsafe()))
    loaded.set(name, materials)
    return materials
  })

export default (evaluation: Evaluation, context: TaskContext): Effect.Effect<number, unknown> =>
  workerTask((settings: Settings, { key, report }) =>
    Effect.gen(function* () {
      const environment = yield* services.contextEffect
      const materials = yield* materialsOf(evaluation.job ?? (context.data as Job))
      const perplexity =
        evaluation.isJudged === true
          ? testPerplexity(materials, settings, key)
          : validationPerplexity(materials, settings, { key, report })
      return yield* Effect.provideContext(perplexity, environment)
    })
  )(evaluation, context)
