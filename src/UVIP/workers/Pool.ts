import { Worker } from "node:worker_threads"
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { Effect, Layer, type Scope } from "effect"
import { RpcClient } from "effect/rpc"
import { type ActingPolicy, originOfPolicy, type PolicyOrigin } from "../policies/ActingPolicy.ts"
import { originOfDesign } from "../sampled/Design.ts"
import type { Sampler } from "../sampled/Draws.ts"
import { UvipOptionError, WorkerThreadError } from "../Errors.ts"
import type { Simulator } from "../simulation/Simulator.ts"
import { originOfSimulator, type SimulatorOrigin } from "../simulation/SimulatorOrigin.ts"
import type { Crew } from "./Crew.ts"
import { type SamplerOrigin, Tasks } from "./Tasks.ts"

const onlyHere = (what: string, remedy: string) =>
  new UvipOptionError({
    option: "threads",
    value: "more",
    expected: `1 for ${what}, which other threads cannot make for themselves; ${remedy}`
  })

const simulatorFor = (source: Simulator): Effect.Effect<SimulatorOrigin, UvipOptionError> =>
  Effect.fromNullishOr(originOfSimulator(source)).pipe(
    Effect.mapError(() =>
      onlyHere(`the simulator ${source.name}`, "make it by a module: moduleSimulator(url, { options })")
    )
  )

const policyFor = (policy: ActingPolicy): Effect.Effect<PolicyOrigin, UvipOptionError> =>
  Effect.fromNullishOr(originOfPolicy(policy)).pipe(
    Effect.mapError(() =>
      onlyHere("a policy that is a function", "use a table, a linear controller, a network or actingAtRandom")
    )
  )

const samplerFor = Effect.fnUntraced(function* ({
  simulator,
  design
}: Sampler): Effect.fn.Return<SamplerOrigin, UvipOptionError> {
  const own = originOfDesign(design)
  if (own === undefined)
    return yield* onlyHere("a design that is a function", "use tableDesign or nearestDesign")
  return { simulator: yield* simulatorFor(simulator), design: own }
})

// The compiler's rewriting of imports leaves URLs alone.
const workerUrl = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url)

const failed = (cause: unknown) =>
  new WorkerThreadError({
    reason: cause instanceof Error ? cause.message : String(cause),
    cause
  })

const failing = (error: { readonly message: string }) => Effect.fail(failed(error))

/** Worker threads, which end with the scope. Fails with `WorkerThreadError` where they cannot be started. */
export const poolOf = Effect.fnUntraced(function* (
  threads: number
): Effect.fn.Return<Crew, WorkerThreadError, Scope.Scope> {
  const workers = NodeWorker.layer(() => new Worker(workerUrl))
  const protocol = yield* Layer.build(
    RpcClient.layerProtocolWorker({ size: threads, concurrency: 1 }).pipe(Layer.provide(workers))
  ).pipe(Effect.mapError(failed))
  const client = yield* RpcClient.make(Tasks).pipe(Effect.provideContext(protocol))
  const crew: Crew = {
    threads,
    replicate: Effect.fnUntraced(function* (problem, sweeps) {
      const { sampler, ...rest } = problem
      const task = { ...rest, ...(yield* samplerFor(sampler)), sweeps }
      return yield* client.Replicate({ task }).pipe(Effect.catchTag("RpcClientError", failing))
    }),
    pilot: Effect.fnUntraced(function* (sampler, draws, noise, key) {
      const task = { ...(yield* samplerFor(sampler)), draws, noise, key }
      return yield* client.Pilot({ task }).pipe(Effect.catchTag("RpcClientError", failing))
    }),
    rollouts: Effect.fnUntraced(function* (source, policy, options) {
      const task = { simulator: yield* simulatorFor(source), policy: yield* policyFor(policy), options }
      return yield* client.Rollouts({ task }).pipe(Effect.catchTag("RpcClientError", failing))
    })
  }
  return crew
})
