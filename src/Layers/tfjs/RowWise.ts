import type { Kernels } from "../../Tensor/Backend.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"
import type { Device, Pass } from "./Device.ts"
import type { TensorInfo } from "./Engine.ts"

/** Along the last axis. */
export const softmax = (p: Pass, x: TensorInfo): TensorInfo => {
  const last = x.shape.length - 1
  if (p.has("Softmax")) return p.run("Softmax", { logits: x }, { dim: last })
  const exponentials = p.unary("Exp", p.subtract(x, p.maximumOfRows(x)))
  return p.divide(exponentials, p.sum(exponentials, [last]))
}

/** y (g - sum(y g)) along the last axis. */
export const softmaxGradient = (p: Pass, y: TensorInfo, gradient: TensorInfo): TensorInfo =>
  p.multiply(y, p.subtract(gradient, p.sum(p.multiply(y, gradient), [y.shape.length - 1])))

/** Mean along the last of two axes. */
const meanOfRows = (p: Pass, x: TensorInfo): TensorInfo => p.scale(p.sum(x, [1]), 1 / x.shape[1])

type RowWise = "softmax" | "softmaxGradient" | "layerNorm" | "layerNormGradient"

export const rowWiseKernels = (d: Device): Pick<Kernels, RowWise> => ({
  softmax: (x) => d.result("softmax", x.shape, "float32", (p) => softmax(p, p.view(x))),

  softmaxGradient: (y, gradient) =>
    d.result("softmaxGradient", y.shape, "float32", (p) => softmaxGradient(p, p.view(y), p.view(gradient))),

  layerNorm: (x, gain, bias, epsilon) => {
    const width = x.shape[x.shape.length - 1]
    const rows = sizeOf(x.shape.slice(0, -1))
    d.requireRoom([rows, width + 2])
    const [y, mean, inverseDeviation] = d.passes("layerNorm", (p) => {
      const view = p.view(x, [rows, width])
      const mean = meanOfRows(p, view)
      const deviations = p.subtract(view, mean)
      const variance = meanOfRows(p, p.unary("Square", deviations))
      const inverse = p.unary("Rsqrt", p.add(variance, p.fill(epsilon)))
      const y = p.add(p.multiply(p.multiply(deviations, inverse), p.view(gain)), p.view(bias))
      return [y, mean, inverse]
    })
    return [d.own(y), d.own(mean), d.own(inverseDeviation)]
  },

  // With z = (x - mean) inverseDeviation and h = g gain: dx = inverseDeviation (h - mean(h) - z mean(h z)).
  layerNormGradient: (x, gain, mean, inverseDeviation, gradient) => {
    const width = x.shape[x.shape.length - 1]
    const rows = sizeOf(x.shape.slice(0, -1))
    d.requireRoom([rows + 2, width])
    const [dx, dGain, dBias] = d.passes("layerNormGradient", (p) => {
      const g = p.view(gradient, [rows, width])
      const inverse = p.view(inverseDeviation, [rows, 1])
      const z = p.multiply(p.subtract(p.view(x, [rows, width]), p.view(mean, [rows, 1])), inverse)
      const h = p.multiply(g, p.view(gain))
      const along = p.multiply(z, meanOfRows(p, p.multiply(h, z)))
      const dx = p.multiply(inverse, p.subtract(p.subtract(h, meanOfRows(p, h)), along))
      return [dx, p.sum(p.multiply(g, z), [0]), p.sum(g, [0])]
    })
    return [d.own(dx), d.own(dGain), d.own(dBias)]
  }
})
