import type { Layer } from "effect"
import * as Layers from "../src/Layers/index.ts"
import type { Backend, BackendUnavailable } from "../src/Tensor/index.ts"

/** What a benchmark runs on, by name: all backends that there are, or the one that TESSERAE_BACKEND names. */
export const measuredBackends: ReadonlyArray<readonly [string, Layer.Layer<Backend, BackendUnavailable>]> =
  process.env["TESSERAE_BACKEND"] === undefined
    ? [
        ["cpu, BLAS", Layers.cpu({ engine: "blas" })],
        ["cpu, wasm", Layers.cpu({ engine: "wasm" })],
        ["webgpu", Layers.webGpu()],
        ["tensorflow", Layers.tensorflow()],
        ["gpu", Layers.gpu()]
      ]
    : [[process.env["TESSERAE_BACKEND"], Layers.auto]]
