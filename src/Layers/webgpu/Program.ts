import type { WebGPUBackend, WebGPUProgram } from "@tensorflow/tfjs-backend-webgpu"
import type { TfjsKernel } from "../tfjs/BackendEngine.ts"
import type { TensorInfo } from "../tfjs/Engine.ts"

/** Threads of a workgroup. */
export const workgroup = 128

/** tfjs gives every program `main(index)`, readers of its inputs, and NaN by its bits: `isnan`. */
export const program = (
  name: string,
  inputs: ReadonlyArray<string>,
  code: string,
  outputShape: ReadonlyArray<number>,
  workgroups: number,
  uniforms?: string
): WebGPUProgram => ({
  outputShape: [...outputShape],
  shaderKey: `tesserae-${name}`,
  dispatchLayout: { x: outputShape.map((_, axis) => axis) },
  dispatch: [workgroups, 1, 1],
  variableNames: [...inputs],
  workgroupSize: [workgroup, 1, 1],
  size: true,
  ...(uniforms === undefined ? {} : { uniforms }),
  getUserCode: () => code
})

const elements = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1)

/** What tfjs hands to a kernel. */
export interface Call {
  readonly inputs: unknown
  readonly backend: object
  readonly attrs: unknown
}

const inputOf = (call: Call, name: string): TensorInfo => (call.inputs as Record<string, TensorInfo>)[name]

export const execute = (
  call: Call,
  compiled: WebGPUProgram,
  inputs: ReadonlyArray<TensorInfo>,
  uniforms?: ReadonlyArray<{ readonly type: string; readonly data: Array<number> }>
): TensorInfo =>
  (call.backend as WebGPUBackend).runWebGPUProgram(
    compiled,
    inputs as unknown as Parameters<WebGPUBackend["runWebGPUProgram"]>[1],
    "float32",
    uniforms && [...uniforms]
  ) as unknown as TensorInfo

/**
 * A kernel that maps float32 tensors of one shape element by element: `code` defines `fn value(a: f32, ...) -> f32`, whose
 * arguments are the inputs in order.
 */
export const elementwise = (name: string, inputs: ReadonlyArray<string>, code: string): TfjsKernel => ({
  kernelFunc: (call) => {
    const given = inputs.map((input) => inputOf(call, input))
    const { shape } = given[0]
    const names = given.map((_, i) => `in${i}`)
    const read = names.map((variable) => `get${variable.replace("in", "In")}ByOutputIndex(index)`)
    const main = `${code}
      fn main(index: i32) {
        if (index < uniforms.size) { setOutputAtIndex(index, value(${read.join(", ")})); }
      }`
    const groups = Math.ceil(elements(shape) / workgroup)
    return execute(call, program(name, names, main, shape, groups), given)
  }
})

/** A kernel that multiplies by a number, its attribute "factor". */
export const scale: TfjsKernel = {
  kernelFunc: (call) => {
    const x = inputOf(call, "x")
    const { factor } = call.attrs as { readonly factor: number }
    const main = `fn main(index: i32) {
        if (index < uniforms.size) { setOutputAtIndex(index, uniforms.factor * getXByOutputIndex(index)); }
      }`
    const groups = Math.ceil(elements(x.shape) / workgroup)
    const scaled = program("scale", ["x"], main, x.shape, groups, "factor: f32,")
    return execute(call, scaled, [x], [{ type: "float32", data: [factor] }])
  }
}

/**
 * A kernel over the rows of one float32 tensor, a workgroup each. `code` is the body of a function of `row`, `columns` and the
 * thread `lane`; `x(column)` reads, `put(column, value)` writes, and `combined(value, 0)` is the sum and `combined(value, 1)` the maximum of
 * what all threads of the row give.
 */
export const rowWise = (name: string, input: string, definitions: string, code: string): TfjsKernel => ({
  kernelFunc: (call) => {
    const x = inputOf(call, input)
    const columns = x.shape[x.shape.length - 1]
    const rows = elements(x.shape) / columns
    const main = `
      var<workgroup> partial: array<f32, ${workgroup}>;
      fn combined(value: f32, lane: i32, greatest: bool) -> f32 {
        partial[lane] = value;
        workgroupBarrier();
        for (var half = ${workgroup / 2}; half > 0; half = half >> 1) {
          if (lane < half) {
            let other = partial[lane + half];
            if (greatest) { partial[lane] = max(partial[lane], other); }
            else { partial[lane] = partial[lane] + other; }
          }
          workgroupBarrier();
        }
        let result = partial[0];
        workgroupBarrier();
        return result;
      }
      ${definitions}
      fn main(index: i32) {
        let row = index / ${workgroup};
        let lane = i32(localId.x);
        let columns = uniforms.outShape[1];
        let threads = ${workgroup};
        ${code}
      }`
    const flat = { ...x, shape: [rows, columns] }
    const out = execute(call, program(name, ["x"], main, flat.shape, rows), [flat])
    return { ...out, shape: [...x.shape] }
  }
})
