import type { TypedArray } from "../../Tensor/Tensor.ts"
import { type HostArray, rowsOf, zerosLike } from "./HostArray.ts"

/** log(sum(exp(scale x))) of x[start, start + width), with the maximum taken out first. */
export const logSumExp = (x: TypedArray, start: number, width: number, scale = 1): number => {
  let largest = -Infinity
  for (let i = 0; i < width; i++) largest = Math.max(largest, scale * x[start + i])
  // exp(-inf - -inf) would be NaN for a row of -inf, whose sum is 0.
  if (largest === -Infinity) return -Infinity
  let total = 0
  for (let i = 0; i < width; i++) total += Math.exp(scale * x[start + i] - largest)
  return largest + Math.log(total)
}

/** x: [rows, width] */
export const softmax = (x: HostArray): TypedArray => {
  const { rows, width } = rowsOf(x)
  const y = zerosLike(x.values)
  for (let row = 0; row < rows; row++) {
    const start = row * width
    let largest = -Infinity
    for (let i = 0; i < width; i++) largest = Math.max(largest, x.values[start + i])
    let total = 0
    for (let i = 0; i < width; i++) total += Math.exp(x.values[start + i] - largest)
    for (let i = 0; i < width; i++) y[start + i] = Math.exp(x.values[start + i] - largest) / total
  }
  return y
}

/** dx = y (g - y . g), y and g: [rows, width] */
export const softmaxGradient = (y: HostArray, gradient: HostArray): TypedArray => {
  const { rows, width } = rowsOf(y)
  const dx = zerosLike(y.values)
  for (let row = 0; row < rows; row++) {
    const start = row * width
    let product = 0
    for (let i = 0; i < width; i++) product += y.values[start + i] * gradient.values[start + i]
    for (let i = 0; i < width; i++)
      dx[start + i] = y.values[start + i] * (gradient.values[start + i] - product)
  }
  return dx
}

/** x: [rows, width], gain and bias: [width] -> [y [rows, width], mean [rows], inverseDeviation [rows]] */
export const layerNorm = (
  x: HostArray,
  gain: HostArray,
  bias: HostArray,
  epsilon: number
): readonly [TypedArray, TypedArray, TypedArray] => {
  const { rows, width } = rowsOf(x)
  const y = zerosLike(x.values)
  const means = zerosLike(x.values, rows)
  const inverseDeviations = zerosLike(x.values, rows)
  for (let row = 0; row < rows; row++) {
    const start = row * width
    let mean = 0
    for (let i = 0; i < width; i++) mean += x.values[start + i] / width
    let variance = 0
    for (let i = 0; i < width; i++) variance += (x.values[start + i] - mean) ** 2 / width
    const inverseDeviation = 1 / Math.sqrt(variance + epsilon)
    for (let i = 0; i < width; i++)
      y[start + i] = (x.values[start + i] - mean) * inverseDeviation * gain.values[i] + bias.values[i]
    means[row] = mean
    inverseDeviations[row] = inverseDeviation
  }
  return [y, means, inverseDeviations]
}

/**
 * With z = (x - mean) inverseDeviation and h = g gain: dx = inverseDeviation (h - mean(h) - z mean(h z)),
 * dGain = sum over rows of g z, dBias = sum over rows of g.
 */
export const layerNormGradient = (
  x: HostArray,
  gain: HostArray,
  mean: HostArray,
  inverseDeviation: HostArray,
  gradient: HostArray
): readonly [TypedArray, TypedArray, TypedArray] => {
  const { rows, width } = rowsOf(x)
  const dx = zerosLike(x.values)
  const dGain = new Float64Array(width)
  const dBias = new Float64Array(width)
  const z = new Float64Array(width)
  const h = new Float64Array(width)
  for (let row = 0; row < rows; row++) {
    const start = row * width
    let meanH = 0
    let meanHZ = 0
    for (let i = 0; i < width; i++) {
      const g = gradient.values[start + i]
      z[i] = (x.values[start + i] - mean.values[row]) * inverseDeviation.values[row]
      h[i] = g * gain.values[i]
      meanH += h[i] / width
      meanHZ += (h[i] * z[i]) / width
      dGain[i] += g * z[i]
      dBias[i] += g
    }
    for (let i = 0; i < width; i++)
      dx[start + i] = inverseDeviation.values[row] * (h[i] - meanH - z[i] * meanHZ)
  }
  const [gainGradient, biasGradient] = [zerosLike(x.values, width), zerosLike(x.values, width)]
  gainGradient.set(dGain)
  biasGradient.set(dBias)
  return [dx, gainGradient, biasGradient]
}
