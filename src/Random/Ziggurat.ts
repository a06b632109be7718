import { logarithm } from "./Logarithm.ts"

// The area under exp(-x^2 / 2), x >= 0, cut into 256 horizontal layers of equal area (Marsaglia and Tsang,
// "The Ziggurat Method for Generating Random Variables", 2000). The two constants solve f(edge[256]) = 1
// and were solved for in 40-digit arithmetic.
const layers = 256

/** Where the tail begins: the right edge of the lowest full rectangle. */
export const tailStart = 3.654152885361009

const densityAtTail = 0.0012602859304985975
const layerArea = 0.004928673233974655

/** `density[i]` = exp(-edge[i]^2 / 2): the height of the bottom of layer i; density[256] = 1. */
export const density = new Float64Array(layers + 1)

/** `edge[i + 1]` bounds the part of layer i that lies wholly under the curve; edge[256] = 0. */
export const edge = new Float64Array(layers + 1)

/** `width[i]` is the width of layer i; layer 0 is as wide as if its tail were folded into the rectangle. */
export const width = new Float64Array(layers)

edge[1] = tailStart
density[1] = densityAtTail
width[0] = layerArea / densityAtTail
for (let i = 1; i < layers; i++) {
  width[i] = edge[i]
  density[i + 1] = density[i] + layerArea / edge[i]
  edge[i + 1] = Math.sqrt(-2 * logarithm(density[i + 1]))
}
edge[layers] = 0
density[layers] = 1
