import type { TfjsKernel } from "../tfjs/BackendEngine.ts"
import type { TensorInfo } from "../tfjs/Engine.ts"
import { execute, program, workgroup } from "./Program.ts"

/** A thread works out this many rows and columns, all of them at equal distances, so that threads side by side read side by side. */
const tile = 8

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n")

const code = (transposeA: boolean, transposeB: boolean): string => `
  fn main(index: i32) {
    let m = uniforms.outShape[1];
    let n = uniforms.outShape[2];
    let inner = uniforms.aShape[${transposeA ? 1 : 2}];
    let rowStep = (m + ${tile - 1}) / ${tile};
    let columnStep = (n + ${tile - 1}) / ${tile};
    let batch = index / (rowStep * columnStep);
    if (batch >= uniforms.outShape[0]) { return; }
    let row = (index / columnStep) % rowStep;
    let column = index % columnStep;
    let a = select(batch, 0, uniforms.aShape[0] == 1) * m * inner;
    let b = select(batch, 0, uniforms.bShape[0] == 1) * inner * n;
    ${lines(tile, (i) => `let i${i} = a + min(row + ${i} * rowStep, m - 1) * ${transposeA ? "1" : "inner"};`)}
    ${lines(tile, (j) => `let j${j} = b + min(column + ${j} * columnStep, n - 1) * ${transposeB ? "inner" : "1"};`)}
    ${lines(tile * tile, (c) => `var s${c} = 0.0;`)}
    for (var k = 0; k < inner; k++) {
      let ka = k * ${transposeA ? "m" : "1"};
      let kb = k * ${transposeB ? "1" : "n"};
      ${lines(tile, (i) => `let a${i} = A[i${i} + ka];`)}
      ${lines(tile, (j) => `let b${j} = B[j${j} + kb];`)}
      ${lines(tile * tile, (c) => `s${c} = fma(a${Math.floor(c / tile)}, b${c % tile}, s${c});`)}
    }
    ${lines(tile, (i) =>
      lines(
        tile,
        (j) => `if (row + ${i} * rowStep < m && column + ${j} * columnStep < n) {
          setOutputAtCoords(batch, row + ${i} * rowStep, column + ${j} * columnStep, s${i * tile + j});
        }`
      )
    )}
  }`

/**
 * op(a) op(b) of [batch, rows, columns] without memory shared among threads, whose barriers a software driver pays dearly for:
 * twenty times tfjs's speed there.
 */
export const softwareProduct: TfjsKernel = {
  kernelFunc: (call) => {
    const { a, b } = call.inputs as { readonly a: TensorInfo; readonly b: TensorInfo }
    const { transposeA, transposeB } = call.attrs as {
      readonly transposeA: boolean
      readonly transposeB: boolean
    }
    const shape = [
      Math.max(a.shape[0], b.shape[0]),
      transposeA ? a.shape[2] : a.shape[1],
      transposeB ? b.shape[1] : b.shape[2]
    ]
    const threads = shape[0] * Math.ceil(shape[1] / tile) * Math.ceil(shape[2] / tile)
    const name = `product-${transposeA}-${transposeB}`
    const groups = Math.ceil(threads / workgroup)
    return execute(call, program(name, ["A", "B"], code(transposeA, transposeB), shape, groups), [a, b])
  }
}
