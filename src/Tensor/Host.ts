import { Effect, type Scope } from "effect"
import { Backend } from "./Backend.ts"
import { compute } from "./Compute.ts"
import { DTypeError, ShapeError, type TensorError, UseAfterFree } from "./Errors.ts"
import type { Kernels } from "./Backend.ts"
import { requireShape } from "./ops/arguments.ts"
import type { Region } from "./Region.ts"
import { type DType, dtypeOf, type Shape, sizeOf, type Tensor, type TypedArray } from "./Tensor.ts"

type Numbers = TypedArray | ReadonlyArray<number>

/** Element type of numbers from the host: int32 stays, floats become the backend's default float unless asked otherwise. */
const defaultDType = (kernels: Kernels, data: Numbers): DType =>
  ArrayBuffer.isView(data) && dtypeOf(data) === "int32" ? "int32" : kernels.defaultFloat

/** Inside a region: a tensor from numbers of the host. */
export const upload = (r: Region, data: Numbers, shape?: Shape, dtype?: DType): Tensor => {
  const dimensions = shape ?? [data.length]
  const type = dtype ?? defaultDType(r.kernels, data)
  requireShape("fromArray", dimensions)
  if (sizeOf(dimensions) !== data.length)
    throw new ShapeError({
      operation: "fromArray",
      reason: `${data.length} numbers for a shape of ${sizeOf(dimensions)}`,
      shapes: [dimensions]
    })
  if (!r.kernels.dtypes.has(type))
    throw new DTypeError({
      operation: `fromArray (${r.kernels.name})`,
      expected: [...r.kernels.dtypes],
      actual: type
    })
  const values: TypedArray = ArrayBuffer.isView(data)
    ? data
    : type === "int32"
      ? Int32Array.from(data)
      : Float64Array.from(data)
  return r.make(dimensions, type, r.kernels.upload(values, type))
}

/**
 * A tensor from numbers of the host, in the current scope. `shape` defaults to one dimension; `dtype` to the backend's
 * default float, or int32 for an Int32Array. Fails with `ShapeError` where the count does not fit.
 */
export const fromArray = (
  data: Numbers,
  shape?: Shape,
  dtype?: DType
): Effect.Effect<Tensor, TensorError, Backend | Scope.Scope> =>
  compute((t) => upload(t.region, data, shape, dtype))

/** A tensor of equal numbers, in the current scope. */
export const full = (
  shape: Shape,
  value: number,
  dtype?: DType
): Effect.Effect<Tensor, TensorError, Backend | Scope.Scope> => compute((t) => t.full(shape, value, dtype))

/** The numbers of a tensor, row-major, copied to the host. */
export const toArray = (x: Tensor): Effect.Effect<TypedArray, TensorError, Backend> =>
  Effect.flatMap(Backend, (kernels) =>
    x.storage.references === 0
      ? Effect.fail(new UseAfterFree({ operation: "toArray", shape: x.shape }))
      : kernels.download(x)
  )

/** The one number of a tensor of size 1. */
export const toNumber = (x: Tensor): Effect.Effect<number, TensorError, Backend> =>
  sizeOf(x.shape) === 1
    ? Effect.map(toArray(x), (values) => values[0])
    : Effect.fail(
        new ShapeError({ operation: "toNumber", reason: "needs exactly one element", shapes: [x.shape] })
      )
