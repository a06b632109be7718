import * as Host from "./Host.ts"
import type { Tensor as TensorValue } from "./Tensor.ts"

/** The tensor value, the kernels of a backend, differentiable operations, `compute` regions, gradients, linear algebra. */
export {
  type AdamWOptions,
  Backend,
  type BinaryOperation,
  type CompareOperation,
  type FloatDType,
  type Kernels,
  type MatmulOptions,
  type ReduceOperation,
  type UnaryOperation
} from "./Backend.ts"
export { compute } from "./Compute.ts"
export {
  BackendUnavailable,
  DTypeError,
  isTensorError,
  KernelError,
  NumericalError,
  OutOfMemory,
  ShapeError,
  type TensorError,
  UseAfterFree
} from "./Errors.ts"
export type { Factorizations } from "./Factorizations.ts"
export * as LinAlg from "./LinAlg.ts"
export type { Operations } from "./Operations.ts"
export { type Buffer, type DType, type Shape, Storage, type TypedArray } from "./Tensor.ts"

/** An n-dimensional array of numbers on a backend, and the ways between it and the host. */
export type Tensor = TensorValue
export const Tensor = {
  fromArray: Host.fromArray,
  full: Host.full,
  toArray: Host.toArray,
  toNumber: Host.toNumber
}
