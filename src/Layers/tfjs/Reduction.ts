import type { Kernels } from "../../Tensor/Backend.ts"
import { type Shape, sizeOf } from "../../Tensor/Tensor.ts"
import type { Device } from "./Device.ts"
import { infoDType } from "./Elementwise.ts"

const identity = { sum: 0, sumOfSquares: 0, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY }

const without = (shape: Shape, axes: ReadonlyArray<number>): Shape =>
  shape.filter((_, axis) => !axes.includes(axis))

export const reductionKernels = (d: Device): Pick<Kernels, "reduce" | "argmax"> => ({
  reduce: (operation, x, axes) =>
    d.result(operation, without(x.shape, axes), infoDType(x), (p) => {
      if (sizeOf(x.shape) === 0) return p.fill(identity[operation], without(x.shape, axes), infoDType(x))
      const view = p.view(x)
      if (operation === "max") return p.reduce("Max", view, axes)
      if (operation === "min") return p.reduce("Min", view, axes)
      return p.reduce("Sum", operation === "sum" ? view : p.unary("Square", view), axes)
    }),

  argmax: (x) => {
    const last = x.shape.length - 1
    return d.result(
      "argmax",
      x.shape.slice(0, -1),
      "int32",
      (p) => {
        // The first of equal maxima, which tfjs's ArgMax does not promise.
        const width = x.shape[last]
        const view = p.view(x, [sizeOf(x.shape) / width, width])
        const greatest = p.broadcast(p.maximumOfRows(view), view.shape)
        const places = p.upload(
          Int32Array.from({ length: width }, (_, i) => i),
          [1, width]
        )
        const other = p.fill(width - 1, view.shape, "int32")
        const chosen = p.select(p.binary("Equal", view, greatest), p.broadcast(places, view.shape), other)
        return p.reduce("Min", chosen, [1])
      },
      { least: 0, greatest: x.shape[last] - 1, exact: false }
    )
  }
})
