/**
 * The loops of a regression with two outcomes in WebAssembly: 128-bit SIMD in float64 over a memory of the regression's own.
 */
import { readFileSync } from "node:fs"
import type { Design } from "../Design.ts"

/** Pointers are byte offsets, matrices lie column after column, rows are even in number. */
interface Exports {
  readonly begin: () => number
  readonly predict: (rows: number, columns: number, x: number, theta: number, eta: number) => void
  readonly backproject: (rows: number, columns: number, x: number, residual: number, score: number) => void
  readonly logistic: (
    rows: number,
    columns: number,
    x: number,
    labels: number,
    theta: number,
    eta: number,
    score: number
  ) => number
}

/** A design in wasm memory, and what can be done with it; the arrays are views of that memory, written and read by their users. */
export interface RegressionKernel {
  /** Coefficients: [columns] */
  readonly theta: Float64Array
  /** Gradient by the coefficients: [columns] */
  readonly score: Float64Array
  /** Linear predictors, or residuals: [rows] */
  readonly eta: Float64Array
  /** eta = X theta. */
  readonly predict: () => void
  /** score = X' eta. */
  readonly backproject: () => void
  /** The log likelihood of logistic regression at theta, its gradient in score; eta is overwritten. */
  readonly logistic: () => number
}

let compiled: WebAssembly.Module | undefined

const page = 65536

export const regressionKernel = ({ rows, columns, values, labels }: Design): RegressionKernel => {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./regression.wasm", import.meta.url)))
  // Vectors hold two rows: where one is missing, a row of zeros stands for it.
  const even = rows + (rows % 2)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
  const exports = new WebAssembly.Instance(compiled, {
    env: {
      memory,
      abort: () => {
        throw new Error("the regression kernel aborted")
      }
    }
  }).exports as unknown as Exports
  const x = exports.begin()
  const y = x + 8 * even * columns
  const eta = y + 8 * even
  const theta = eta + 8 * even
  const score = theta + 8 * (columns + (columns % 2))
  memory.grow(Math.ceil((score + 8 * columns) / page) - 1)
  const view = (at: number, length: number): Float64Array => new Float64Array(memory.buffer, at, length)
  for (let j = 0; j < columns; j++)
    view(x + 8 * even * j, rows).set(values.subarray(j * rows, (j + 1) * rows))
  view(y, rows).set(labels)
  const padding = (even - rows) * Math.LN2
  return {
    theta: view(theta, columns),
    score: view(score, columns),
    eta: view(eta, rows),
    predict: () => exports.predict(even, columns, x, theta, eta),
    backproject: () => exports.backproject(even, columns, x, eta, score),
    logistic: () => exports.logistic(even, columns, x, y, theta, eta, score) + padding
  }
}
