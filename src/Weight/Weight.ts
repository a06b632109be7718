import type { DType, Operations, Tensor } from "../Tensor/index.ts"
import { bytesPerElement, sizeOf } from "../Tensor/Tensor.ts"

/**
 * A matrix W [inputs, outputs] in any format. What multiplies by it never asks which.
 *
 * A weight is a plain record, so that `compute` finds its tensors and hands them out; they belong to the scope they were
 * made in. The methods run inside a region, and throw the `TensorError`s of the operations they use.
 */
export interface Weight {
  /** The format's name in a file: "dense", "low-rank", "kronecker". */
  readonly format: string
  readonly inputs: number
  readonly outputs: number
  /** What an optimiser trains and a file stores, under short names ("weight"; "left", "right"). */
  readonly tensors: Readonly<Record<string, Tensor>>
  /** Integers that belong to the format (permutations): stored in the file and counted, not trained. */
  readonly indices: Readonly<Record<string, Uint32Array>>
  /** The same format over other tensors of the same names and shapes. */
  readonly withTensors: (tensors: Readonly<Record<string, Tensor>>) => Weight
  /** x W + bias: x [..., inputs], bias [outputs] -> [..., outputs]. */
  readonly apply: (t: Operations, x: Tensor, bias?: Tensor) => Tensor
  /** x Wᵀ: x [..., outputs] -> [..., inputs]. */
  readonly applyTransposed: (t: Operations, x: Tensor) => Tensor
  /** Rows of W, never all of them: int32 indices [...] -> [..., outputs]. */
  readonly rows: (t: Operations, indices: Tensor) => Tensor
  /** W [inputs, outputs]; where W is stored as it is, the stored tensor itself. */
  readonly toDense: (t: Operations) => Tensor
  /** Numbers that have to be stored, each index counted as one. */
  readonly storedParameters: number
  /** Multiplications of `apply` for so many rows of x. */
  readonly multiplyAdds: (rows: number) => number
}

/** Numbers in a format's tensors and indices together. */
export const countNumbers = (weight: Pick<Weight, "tensors" | "indices">): number =>
  countFloats(weight) + countIndices(weight)

const countFloats = ({ tensors }: Pick<Weight, "tensors">): number =>
  Object.values(tensors).reduce((total, x) => total + sizeOf(x.shape), 0)

const countIndices = ({ indices }: Pick<Weight, "indices">): number =>
  Object.values(indices).reduce((total, values) => total + values.length, 0)

/** Bytes of a weight in a file whose numbers have this type; an index takes four bytes whatever it is. */
export const storedBytes = (
  weight: Pick<Weight, "tensors" | "indices">,
  dtype: FloatStorage = "float32"
): number => countFloats(weight) * bytesPerNumber(dtype) + countIndices(weight) * bytesPerElement("int32")

/** How a file may store a model's numbers. */
export type FloatStorage = Exclude<DType, "int32"> | "float16"

export const bytesPerNumber = (dtype: FloatStorage): number =>
  dtype === "float16" ? 2 : bytesPerElement(dtype)
