import type { TypedArray } from "../../Tensor/Tensor.ts"

/** A tensor as tfjs's kernels see it: a handle of some data, and how it is to be read. */
export interface TensorInfo {
  readonly dataId: object
  readonly shape: Array<number>
  readonly dtype: InfoDType
}

/** tfjs has no float64; "bool" is what its comparisons give. */
export type InfoDType = "float32" | "int32" | "bool"

/** What a kernel of tfjs takes beside its tensors. */
export type Attributes = Readonly<Record<string, unknown>>

/**
 * One backend of tfjs, driven kernel by kernel: neither its engine of global state nor its gradients are used, so that several
 * of them live side by side. Every `TensorInfo` that is returned must be given to `dispose` once.
 */
export interface Engine {
  readonly name: string
  readonly description: string
  /** Most bytes of one buffer, and of all together. */
  readonly largestBufferBytes: number
  readonly limitBytes: number
  /** Runs a kernel by tfjs's name for it; throws whatever tfjs throws. */
  run(
    kernel: string,
    inputs: Readonly<Record<string, TensorInfo>> | ReadonlyArray<TensorInfo>,
    attributes: Attributes
  ): TensorInfo
  /** Whether there is a kernel of this name: some engines take several steps in one. */
  has(kernel: string): boolean
  /** The numbers are copied. */
  upload(values: TypedArray, shape: ReadonlyArray<number>, dtype: InfoDType): TensorInfo
  /** The numbers, copied; rejects where the device is lost. */
  read(x: TensorInfo): Promise<TypedArray>
  dispose(x: TensorInfo): void
  /** tfjs's own counts of the data it holds, and of their bytes where it knows them. */
  counts(): { readonly data: number; readonly bytes: number | undefined }
  /** What went wrong on the device since this was last asked, as far as it has told; a lost device stays lost. */
  takeFailure(): DeviceFailure | undefined
}

export interface DeviceFailure {
  readonly kind: "lost" | "out-of-memory" | "error"
  readonly reason: string
}
