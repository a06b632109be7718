import { Effect, Layer } from "effect"
import { Backend } from "../Tensor/Backend.ts"
import type { BackendUnavailable } from "../Tensor/Errors.ts"
import { layer as cpu } from "./Cpu.ts"
import { nodeEngine } from "./tfjs/NodeBinding.ts"
import { tfjsKernels } from "./tfjs/TfjsKernels.ts"

export interface TensorFlowOptions {
  /** Most bytes of buffers in use at a time; default unlimited: TensorFlow itself says when it has no more. */
  readonly limitBytes?: number
}

const layerOf = (
  name: "gpu" | "tensorflow",
  options: TensorFlowOptions
): Layer.Layer<Backend, BackendUnavailable> =>
  Layer.effect(
    Backend,
    Effect.gen(function* () {
      const engine = yield* nodeEngine(
        name,
        name === "gpu" ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node",
        { ...options, requireGpu: name === "gpu" }
      )
      const { factorizations } = yield* Backend
      return Backend.of(tfjsKernels(engine, factorizations))
    })
  ).pipe(Layer.provide(cpu()))

/**
 * An NVIDIA GPU through TensorFlow's C library and CUDA: float32 and int32. It needs the package `@tensorflow/tfjs-node-gpu` 4.22,
 * which is loaded when the layer is built; factorisations are done on the host in float64. Fails with `BackendUnavailable` where the package,
 * its native library or a CUDA device is missing.
 *
 * @example
 *   program.pipe(Effect.scoped, Effect.provide(Layers.gpu()))
 */
export const gpu = (options: TensorFlowOptions = {}): Layer.Layer<Backend, BackendUnavailable> =>
  layerOf("gpu", options)

/** The same over `@tensorflow/tfjs-node`, the build of that library for the CPU. */
export const tensorflow = (options: TensorFlowOptions = {}): Layer.Layer<Backend, BackendUnavailable> =>
  layerOf("tensorflow", options)
