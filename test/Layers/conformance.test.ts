import { it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { layer as cpu } from "../../src/Layers/Cpu.ts"
import { gpu, tensorflow } from "../../src/Layers/Gpu.ts"
import { Mock } from "../../src/Layers/Mock.ts"
import { layer as webGpu } from "../../src/Layers/WebGpu.ts"
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
  const available = await Effect.runPromise(
    Effect.exit(Effect.flip(Effect.scoped(Layer.build(Layer.fresh(backend)))))
  )
  if (Exit.isSuccess(available)) it.skip(`${name}: ${available.value.message}`, () => {})
  else conformance(name, backend, tolerance)
}
