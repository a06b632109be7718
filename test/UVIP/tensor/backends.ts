import { Cause, Effect, Exit, Layer } from "effect"
import { layer as cpu } from "../../../src/Layers/Cpu.ts"
import { Mock } from "../../../src/Layers/Mock.ts"
import { layer as webGpu } from "../../../src/Layers/WebGpu.ts"
import { Backend, type BackendUnavailable } from "../../../src/Tensor/index.ts"

const all: ReadonlyArray<readonly [string, Layer.Layer<Backend, BackendUnavailable>]> = [
  ["mock", Mock.layer()],
  ["cpu", cpu({ engine: "wasm", threads: 1 })],
  ["webgpu", webGpu()]
]

const exits = await Promise.all(
  all.map(([, layer]) =>
    Effect.runPromise(Effect.exit(Effect.provide(Effect.asVoid(Backend), Layer.fresh(layer))))
  )
)

/** Those of the backends that this machine has, and the names of the others with the reason. */
export const present = all.filter((_, i) => Exit.isSuccess(exits[i]))
export const absent = exits.flatMap((exit, i) =>
  Exit.isFailure(exit) ? [`${all[i][0]}: ${String(Cause.squash(exit.cause))}`] : []
)
