/**
 * The loops of a regression with two outcomes in WebAssembly: 128-bit SIMD in float64 over a memory of the regression's own.
 */
import { readFileSync } from "node:fs"
import type { Design } from "../Design.ts"

/** Pointers are byte offsets; rows lie in groups of 8: x [groups, columns, 8]. */
interface Exports {
  readonly begin: () => number
  readonly predict: (groups: number, columns: number, x: number, theta: number, eta: number) => void
  readonly backproject: (
    groups: number,
    columns: number,
    x: number,
    residual: number,
    sums: number,
    score: number
  ) => void
  readonly logistic: (
    groups: number,
    columns: number,
    x: number,
    xy: number,
    theta: number,
    eta: number,
    sums: number,
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
  // Where rows are missing in the last group, rows of zeros stand for them.
  const groups = Math.ceil(rows / 8)
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
  const eta = x + 64 * groups * columns
  const sums = eta + 64 * groups
  const [xy, theta, score] = [0, 1, 2].map((k) => sums + (16 + 8 * k) * columns)
  memory.grow(Math.ceil((score + 8 * columns) / page) - 1)
  const view = (at: number, length: number): Float64Array => new Float64Array(memory.buffer, at, length)
  const [all, products] = [view(x, 8 * groups * columns), view(xy, columns)]
  for (let j = 0; j < columns; j++)
    for (let i = 0; i < rows; i++) {
      const value = values[j * rows + i]
      all[8 * ((i >> 3) * columns + j) + (i & 7)] = value
      products[j] += value * labels[i]
    }
  const padding = (8 * groups - rows) * Math.LN2
  return {
    theta: view(theta, columns),
    score: view(score, columns),
    eta: view(eta, rows),
    predict: () => exports.predict(groups, columns, x, theta, eta),
    backproject: () => exports.backproject(groups, columns, x, eta, sums, score),
    logistic: () => exports.logistic(groups, columns, x, xy, theta, eta, sums, score) + padding
  }
}
