import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Logger } from "effect"
import { layer as auto } from "../../src/Layers/Auto.ts"
import { Backend } from "../../src/Tensor/index.ts"

const withSetting = (settings: Readonly<Record<string, string>>) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown(settings))

const chosen = Effect.map(Backend, ({ name }) => name).pipe(Effect.provide(Layer.fresh(auto)), Effect.scoped)

describe("Layers.auto", () => {
  it.effect.each(["mock", "cpu"])("TESSERAE_BACKEND=%s is obeyed", (name) =>
    Effect.gen(function* () {
      const found = yield* Effect.provide(chosen, withSetting({ TESSERAE_BACKEND: name }))
      assert.strictEqual(found, name)
    })
  )

  it.effect("a name of no backend is refused with those that are", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(chosen, withSetting({ TESSERAE_BACKEND: "cuda" })))
      assert.strictEqual(error._tag, "BackendUnavailable")
      assert.include(error.message, '"cuda"')
      assert.include(error.message, "gpu, webgpu, cpu, mock")
    })
  )

  it.effect("otherwise takes one that is there, and logs once which and why no better", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      const name = yield* chosen.pipe(Effect.provide(withSetting({})), Effect.provide(logger))
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], `Backend ${name}:`)
      if (name === "cpu") assert.include(lines[0], "Not webgpu:")
    })
  )
})
