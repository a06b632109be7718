import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer } from "effect"
import { layer as cpu } from "../../src/Layers/Cpu.ts"
import { gpu, tensorflow } from "../../src/Layers/Gpu.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import { layer as webGpu } from "../../src/Layers/WebGpu.ts"
import { Backend } from "../../src/Tensor/index.ts"
import { conformance } from "./conformance.ts"

const tolerance = { float32: 1e-5, float64: 1e-12 }

const backends = [
  ["mock", Mock.layer()],
  ["cpu with wasm", cpu({ engine: "wasm", threads: 1 })],
  ["cpu with wasm and two threads", cpu({ engine: "wasm", threads: 2 })],
  ["cpu with BLAS", cpu({ engine: "blas", threads: 1 })],
  ["cpu with BLAS and two threads", cpu({ engine: "blas", threads: 2 })],
  ["webgpu", webGpu()],
  ["tensorflow", tensorflow()],
  ["gpu", gpu()]
] as const

for (const [name, backend] of backends) {
  const present = await Effect.runPromise(
    Effect.exit(Effect.map(Backend, ({ dtypes }) => dtypes).pipe(Effect.provide(Layer.fresh(backend))))
  )
  if (Exit.isSuccess(present)) conformance(name, backend, present.value, tolerance)
  else {
    const reasons = present.cause.reasons.map((reason) =>
      Cause.isFailReason(reason) ? reason.error.message : "died"
    )
    it.skip(`${name}: ${reasons.join("; ")}`, () => {})
  }
}
