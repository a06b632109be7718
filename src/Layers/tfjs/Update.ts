import type { Kernels } from "../../Tensor/Backend.ts"
import { sizeOf, type Tensor } from "../../Tensor/Tensor.ts"
import type { Device } from "./Device.ts"

export const updateKernels = (d: Device): Pick<Kernels, "adamW"> => ({
  // p -= learningRate (m / correction1 / (sqrt(v / correction2) + epsilon) + weightDecay p), into new buffers.
  adamW: (parameter, gradient, first, second, scale, options) => {
    const { learningRate, beta1, beta2, epsilon, weightDecay, correction1, correction2 } = options
    const old = [parameter, first, second].map((x) => x.storage.buffer)
    if (sizeOf(parameter.shape) === 0) return [old[0], old[1], old[2]]
    d.requireRoom([3, sizeOf(parameter.shape)])
    const fresh = d.passes("adamW", (p) => {
      const view = (x: Tensor) => p.view(x, parameter.shape)
      const g = p.multiply(view(gradient), p.view(scale, []))
      const m = p.add(p.scale(view(first), beta1), p.scale(g, 1 - beta1))
      const v = p.add(p.scale(view(second), beta2), p.scale(p.unary("Square", g), 1 - beta2))
      const deviation = p.add(p.scale(p.unary("Sqrt", v), 1 / Math.sqrt(correction2)), p.fill(epsilon))
      const direction = p.scale(p.divide(m, deviation), learningRate / correction1)
      const next = p.subtract(p.scale(view(parameter), 1 - learningRate * weightDecay), direction)
      return [next, m, v]
    })
    for (const buffer of old) d.release(buffer)
    const [next, m, v] = fresh.map((info) => d.own(info))
    return [next, m, v]
  }
})
