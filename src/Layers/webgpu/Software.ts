import type { TfjsKernel } from "../tfjs/BackendEngine.ts"
import type { TensorInfo } from "../tfjs/Engine.ts"
import { softwareProduct } from "./Product.ts"
import { execute, program, workgroup } from "./Program.ts"

/** Terms of a sum that one number takes up before it is added to the whole: float32 keeps its digits. */
const block = 64

const reductions = {
  Sum: { start: "0.0", combine: (a: string, b: string) => `${a} + ${b}` },
  Max: { start: "-uniforms.INFINITY", combine: (a: string, b: string) => `max(${a}, ${b})` },
  Min: { start: "uniforms.INFINITY", combine: (a: string, b: string) => `min(${a}, ${b})` }
}

const reduceCode = (kernel: keyof typeof reductions): string => {
  const { start, combine } = reductions[kernel]
  return `
    fn main(index: i32) {
      if (index >= uniforms.size) { return; }
      let columns = uniforms.xShape[1];
      var total = ${start};
      var strange = false;
      for (var first = 0; first < columns; first += ${block}) {
        var part = ${start};
        for (var c = first; c < min(columns, first + ${block}); c++) {
          let v = getX(index, c);
          strange = strange || isnan(v);
          part = ${combine("part", "v")};
        }
        total = ${combine("total", "part")};
      }
      setOutputAtIndex(index, select(total, uniforms.NAN, strange));
    }`
}

/** Of each row of [rows, columns], by one thread. */
const reduction = (kernel: keyof typeof reductions, tfjs: TfjsKernel): TfjsKernel => ({
  kernelFunc: (call) => {
    const { x } = call.inputs as { readonly x: TensorInfo }
    if (x.dtype !== "float32" || x.shape.length !== 2) return tfjs.kernelFunc(call)
    const groups = Math.ceil(x.shape[0] / workgroup)
    return execute(call, program(`rows-${kernel}`, ["x"], reduceCode(kernel), [x.shape[0]], groups), [x])
  }
})

/** tfjs exchanges the axes of a matrix by tiles in shared memory, but not those of anything larger. */
const transposition = (tfjs: TfjsKernel): TfjsKernel => ({
  kernelFunc: (call) => {
    const { x } = call.inputs as { readonly x: TensorInfo }
    if (x.shape.length !== 2) return tfjs.kernelFunc(call)
    const stack = { ...x, shape: [1, ...x.shape] }
    const turned = tfjs.kernelFunc({
      ...call,
      inputs: { x: stack },
      attrs: { perm: [0, 2, 1] }
    }) as TensorInfo
    return { ...turned, shape: turned.shape.slice(1) }
  }
})

/**
 * Puts kernels for a driver that works in software into the place of those made for a GPU: a barrier among the threads of a workgroup costs
 * such a driver tens of microseconds, more than another pass over the data.
 */
export const adaptToSoftware = (kernels: Map<string, TfjsKernel>): void => {
  kernels.set("BatchMatMul", softwareProduct)
  for (const name of ["Sum", "Max", "Min"] as const) {
    const tfjs = kernels.get(name)
    if (tfjs !== undefined) kernels.set(name, reduction(name, tfjs))
  }
  const transpose = kernels.get("Transpose")
  if (transpose !== undefined) kernels.set("Transpose", transposition(transpose))
  // Its rows are worked out by workgroups; the adapter composes it of the above.
  kernels.delete("Softmax")
}
