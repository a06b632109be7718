import { Effect } from "effect"
import type { Kernels } from "../../Tensor/Backend.ts"
import type { Factorizations } from "../../Tensor/Factorizations.ts"
import { bytesPerElement, type DType, sizeOf } from "../../Tensor/Tensor.ts"
import { addressOf, type Dispatch } from "./Dispatch.ts"
import { elementwiseKernels } from "./Elementwise.ts"
import type { Block } from "./Memory.ts"
import { movementKernels } from "./Movement.ts"
import { productKernels } from "./Product.ts"
import { reductionKernels } from "./Reduction.ts"
import { rowWiseKernels } from "./RowWise.ts"

/** The kernels of the CPU backend: shapes become addresses, strides and jobs for the threads. */
export const cpuKernels = (d: Dispatch, description: string, factorizations: Factorizations): Kernels => ({
  name: "cpu",
  description,
  defaultFloat: "float32",
  dtypes: new Set<DType>(["float32", "float64", "int32"]),
  live: () => ({ buffers: d.memory.liveBuffers, bytes: d.memory.liveBytes }),
  factorizations,

  upload: (data, dtype) =>
    d.filled([data.length], dtype, (out) => {
      if (dtype === "float32") d.memory.float32.set(data, out / 4)
      else if (dtype === "float64") d.memory.float64.set(data, out / 8)
      else d.memory.int32.set(data, out / 4)
    }),
  download: (x) =>
    Effect.sync(() => {
      const start = addressOf(x) / bytesPerElement(x.dtype)
      const end = start + sizeOf(x.shape)
      if (x.dtype === "float32") return new Float32Array(d.memory.float32.subarray(start, end))
      if (x.dtype === "float64") return new Float64Array(d.memory.float64.subarray(start, end))
      return new Int32Array(d.memory.int32.subarray(start, end))
    }),
  release: (buffer) => d.memory.release(buffer as Block),

  ...elementwiseKernels(d),
  ...reductionKernels(d),
  ...movementKernels(d),
  ...productKernels(d),
  ...rowWiseKernels(d)
})
