import type { Kernels } from "../../Tensor/Backend.ts"
import { bytesPerElement, sizeOf, type Tensor } from "../../Tensor/Tensor.ts"
import { addressOf, type Dispatch, elementwiseGrain, lastAxis, rowsOf } from "./Dispatch.ts"
import type { Block } from "./Memory.ts"
import { transpose } from "./Movement.ts"

/** Axes that lie together are one dimension of [outer, length, inner]; others are first moved to the end. */
const reduce = (d: Dispatch, operation: string, x: Tensor, axes: ReadonlyArray<number>): Block => {
  const first = axes[0]
  const kept = x.shape.filter((_, i) => !axes.includes(i))
  if (!axes.every((axis, i) => axis === first + i)) {
    const order = [...x.shape.keys()].filter((i) => !axes.includes(i)).concat(axes)
    const moved = transpose(d, x, order)
    const shape = order.map((axis) => x.shape[axis])
    try {
      const view: Tensor = { shape, dtype: x.dtype, storage: { buffer: moved, references: 1 } }
      return reduce(
        d,
        operation,
        view,
        axes.map((_, i) => kept.length + i)
      )
    } finally {
      d.memory.release(moved)
    }
  }
  return d.filled(kept, x.dtype, (out) => {
    const outer = sizeOf(x.shape.slice(0, first))
    const length = axes.reduce((product, axis) => product * x.shape[axis], 1)
    const inner = sizeOf(x.shape.slice(first + axes.length))
    if (outer * inner === 0) return
    const parts = d.parts(outer * length * inner, 2 * elementwiseGrain, outer > 1 ? outer : inner)
    d.run("reduce", parts, [
      d.kernel(`reduce_${operation}`, x.dtype),
      addressOf(x),
      out,
      outer,
      length,
      inner,
      bytesPerElement(x.dtype)
    ])
  })
}

export const reductionKernels = (d: Dispatch): Pick<Kernels, "reduce" | "argmax"> => ({
  reduce: (operation, x, axes) => reduce(d, operation, x, axes),
  argmax: (x) =>
    d.filled(x.shape.slice(0, -1), "int32", (out) => {
      const [count, columns] = lastAxis(x)
      d.rows(d.kernel("argmax", x.dtype), [rowsOf(x, columns), [out, 4]], count, [columns], count * columns)
    })
})
