import { Layer, Logger, References } from "effect"
import * as Layers from "../../src/Layers/index.ts"

export const backendNames = ["auto", "gpu", "webgpu", "cpu", "mock"] as const
export type BackendName = (typeof backendNames)[number]

const layers = {
  auto: () => Layers.auto,
  gpu: () => Layers.gpu(),
  webgpu: () => Layers.webGpu(),
  cpu: () => Layers.cpu(),
  mock: () => Layers.mock()
}

/** What a layer logs goes to standard error, and nowhere where it is to be silent. */
export const quietly =
  (silent: boolean) =>
  <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
    layer.pipe(
      Layer.provide(Layer.succeed(Logger.LogToStderr, true)),
      Layer.provide(Layer.succeed(References.MinimumLogLevel, silent ? "None" : "Info"))
    )

/** The layer that a `--backend` flag names. */
export const backendLayer = (name: BackendName, silent: boolean) => layers[name]().pipe(quietly(silent))
