import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"

it.effect("without a driver WebGPU is unavailable, and says what would make it available", () =>
  Effect.gen(function* () {
    // Read by the Vulkan loader when the first adapter is asked for: this file has a process of its own.
    process.env.VK_ICD_FILENAMES = "/nonexistent.json"
    const { layer } = yield* Effect.promise(() => import("../../src/Layers/WebGpu.ts"))
    const error = yield* Effect.flip(Effect.scoped(Layer.build(layer())))
    assert.strictEqual(error._tag, "BackendUnavailable")
    assert.match(error.reason, /no adapter|could not be loaded/)
    assert.match(error.remedy, /driver|npm install/)
  }).pipe((test) => (process.platform === "linux" ? test : Effect.void))
)
