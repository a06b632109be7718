/**
 * The loops of a regression with two outcomes in WebAssembly: 128-bit SIMD in float64 over a memory of the regression's own.
 */
import { readFileSync } from "node:fs"
import type { Design } from "../Design.ts"

/** Pointers are byte offsets; rows lie in groups of 12: x [groups, columns, 12]. */
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
    total: number,
    theta: number,
    nearest: number,
    powers: number,
    scaled: number,
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
  /** The log likelihood -sum log(1 + exp(X theta)) + sum X theta, its gradient in score; eta is overwritten. */
  readonly logistic: () => number
}

let compiled: WebAssembly.Module | undefined

const page = 65536

/** Rows in a group. */
const rowsInGroup = 12

/** 2^(j / 1024) less j in the lowest of the exponent's bits: the last 20 bits of the upper of two words are the mantissa's. */
const powersOfTwo = (): Float64Array => {
  const powers = Float64Array.from({ length: 1024 }, (_, j) => 2 ** (j / 1024))
  const words = new Int32Array(powers.buffer)
  for (let j = 0; j < 1024; j++) words[2 * j + 1] -= j << 10
  return powers
}

/** The linear predictor up to which `logistic` may multiply many factors 1 + exp(eta) before it looks at their size. */
const near = 29

/**
 * A design's rows in wasm memory. `signs` ("labels"): each row multiplied by 1 where its label is 1 and by -1 where it is 0, so that a likelihood
 * is the product of the chances of label 1.
 */
export const regressionKernel = (
  { rows, columns, values, labels }: Design,
  signs: "labels" | "none"
): RegressionKernel => {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./regression.wasm", import.meta.url)))
  // Where rows are missing in the last group, rows of zeros stand for them.
  const groups = Math.ceil(rows / rowsInGroup)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
  const exports = new WebAssembly.Instance(compiled, {
    env: {
      memory,
      abort: () => {
        throw new Error("the regression kernel aborted")
      }
    }
  }).exports as unknown as Exports
  let end = exports.begin()
  const room = (numbers: number): number => {
    const at = end
    end += 64 * Math.ceil(numbers / 8)
    return at
  }
  const x = room(rowsInGroup * groups * columns)
  const eta = room(rowsInGroup * groups)
  const sums = room(2 * columns)
  const powers = room(1024)
  const [total, theta, scaled, score] = [0, 1, 2, 3].map(() => room(columns))
  memory.grow(Math.ceil(end / page) - 1)
  const view = (at: number, length: number): Float64Array => new Float64Array(memory.buffer, at, length)
  const all = view(x, rowsInGroup * groups * columns)
  const totals = view(total, columns)
  const norms = new Float64Array(rows)
  for (let j = 0; j < columns; j++)
    for (let i = 0; i < rows; i++) {
      const value = signs === "labels" && labels[i] === 0 ? -values[j * rows + i] : values[j * rows + i]
      all[rowsInGroup * (Math.floor(i / rowsInGroup) * columns + j) + (i % rowsInGroup)] = value
      totals[j] += value
      norms[i] += value * value
    }
  view(powers, 1024).set(powersOfTwo())
  // By the Cauchy-Schwarz inequality no |eta| is above `near` while theta's squared norm is below this.
  const nearest = (near * near) / norms.reduce((most, norm) => Math.max(most, norm), 0)
  const padding = (rowsInGroup * groups - rows) * Math.LN2
  return {
    theta: view(theta, columns),
    score: view(score, columns),
    eta: view(eta, rows),
    predict: () => exports.predict(groups, columns, x, theta, eta),
    backproject: () => exports.backproject(groups, columns, x, eta, sums, score),
    logistic: () =>
      exports.logistic(groups, columns, x, total, theta, nearest, powers, scaled, eta, sums, score) + padding
  }
}
