import { Effect } from "effect"
import type { Kernels } from "../../Tensor/Backend.ts"
import { isTensorError, KernelError, type TensorError } from "../../Tensor/Errors.ts"
import type { Factorizations } from "../../Tensor/Factorizations.ts"
import { attentionKernels } from "./Attention.ts"
import { Device } from "./Device.ts"
import { elementwiseKernels } from "./Elementwise.ts"
import type { Engine } from "./Engine.ts"
import { boundsOfNumbers } from "./Indices.ts"
import { lossKernels } from "./Losses.ts"
import { movementKernels } from "./Movement.ts"
import { productKernels } from "./Product.ts"
import { reductionKernels } from "./Reduction.ts"
import { rowWiseKernels } from "./RowWise.ts"
import { updateKernels } from "./Update.ts"

/** The kernel vocabulary over one backend of tfjs: float32 and int32. Factorisations are done on the host. */
export const tfjsKernels = (engine: Engine, factorizations: Factorizations): Kernels => {
  const device = new Device(engine)
  const failed = (cause: unknown): TensorError =>
    isTensorError(cause)
      ? cause
      : new KernelError({
          backend: engine.name,
          kernel: "download",
          reason: cause instanceof Error ? cause.message : String(cause)
        })
  return {
    name: engine.name,
    description: engine.description,
    defaultFloat: "float32",
    dtypes: new Set(["float32", "int32"]),
    live: () => device.live,
    factorizations,

    upload: (data, dtype) => {
      const type = dtype === "int32" ? "int32" : "float32"
      device.requireWell("upload")
      device.requireRoom([data.length])
      const values = type === "int32" ? Int32Array.from(data) : Float32Array.from(data)
      return device.own(engine.upload(values, [values.length], type), boundsOfNumbers(values))
    },
    download: (x) =>
      Effect.tryPromise({
        try: async () => {
          const { info } = device.bufferOf(x.storage.buffer)
          device.requireWell("download")
          await device.settle()
          const values = await engine.read(info)
          device.requireWell("download")
          return values
        },
        catch: failed
      }),
    release: (buffer) => device.release(buffer),

    ...elementwiseKernels(device),
    ...reductionKernels(device),
    ...movementKernels(device),
    ...productKernels(device),
    ...rowWiseKernels(device),
    ...lossKernels(device),
    ...attentionKernels(device),
    ...updateKernels(device)
  }
}
