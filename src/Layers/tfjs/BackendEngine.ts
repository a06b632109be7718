import { arrayFor, type Shape, type TypedArray } from "../../Tensor/Tensor.ts"
import type { Attributes, DeviceFailure, Engine, InfoDType, TensorInfo } from "./Engine.ts"

/** What we use of a backend object of tfjs; of its classes only the kernels know more. */
export interface TfjsBackend {
  write(values: TypedArray | null, shape: ReadonlyArray<number>, dtype: InfoDType): object
  read(dataId: object): Promise<ArrayLike<number>>
  disposeData(dataId: object, force?: boolean): boolean
  numDataIds(): number
  memory(): { readonly numBytesInGPU?: number }
}

/** A kernel as tfjs registers it. */
export interface TfjsKernel {
  readonly kernelFunc: (call: {
    readonly inputs: unknown
    readonly backend: object
    readonly attrs: unknown
  }) => unknown
}

export interface BackendEngineOptions {
  readonly name: string
  readonly description: string
  readonly backend: TfjsBackend
  /** By tfjs's name; undefined where the backend has no such kernel. */
  readonly kernel: (name: string) => TfjsKernel | undefined
  readonly largestBufferBytes: number
  readonly limitBytes: number
  readonly takeFailure: () => DeviceFailure | undefined
  /** Called when numbers have been read, with what they were read from. */
  readonly afterRead?: (dataId: object) => void
}

/** An engine over a backend object of tfjs and the kernels registered for it. */
export const backendEngine = (options: BackendEngineOptions): Engine => {
  const { backend, name } = options
  const kernels = new Map<string, TfjsKernel>()
  const find = (kernel: string): TfjsKernel | undefined => {
    const known = kernels.get(kernel) ?? options.kernel(kernel)
    if (known !== undefined) kernels.set(kernel, known)
    return known
  }
  return {
    name,
    description: options.description,
    largestBufferBytes: options.largestBufferBytes,
    limitBytes: options.limitBytes,
    run: (kernel, inputs, attrs: Attributes) => {
      const found = find(kernel)
      if (found === undefined) throw new Error(`tfjs has no kernel "${kernel}" for ${name}`)
      return found.kernelFunc({ inputs, backend, attrs }) as TensorInfo
    },
    has: (kernel) => find(kernel) !== undefined,
    upload: (values, shape: Shape, dtype) => {
      const copy = values.slice()
      return { dataId: backend.write(copy, [...shape], dtype), shape: [...shape], dtype }
    },
    read: async (x) => {
      const values = await backend.read(x.dataId)
      const copy = arrayFor(x.dtype === "float32" ? "float32" : "int32", values.length)
      copy.set(values)
      options.afterRead?.(x.dataId)
      return copy
    },
    dispose: (x) => {
      backend.disposeData(x.dataId)
    },
    counts: () => ({ data: backend.numDataIds(), bytes: backend.memory().numBytesInGPU }),
    takeFailure: options.takeFailure
  }
}
