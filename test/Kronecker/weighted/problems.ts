import type { KroneckerShape } from "../../../src/Kronecker/Contraction.ts"
import { inUnits, type WeightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { squaredErrorIn, type Weighting } from "../../../src/Weight/index.ts"
import { normal } from "../planted.ts"

/** A covariance of correlated inputs [n, n]: X Xᵀ for columns of falling size, and a ridge. */
export const correlated = (seed: number, n: number): Float64Array => {
  const count = 2 * n
  const x = normal(seed, n * count).map((value, e) => value * Math.exp((-4 * (e % count)) / count))
  const c = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < count; k++) c[i * n + j] += x[i * count + k] * x[j * count + k]
      if (i === j) c[i * n + j] += 0.05
    }
  return c
}

/** Positive numbers of several orders of magnitude. */
export const uneven = (seed: number, n: number): Float64Array => normal(seed, n).map((x) => Math.exp(x))

export const weightings = (n: number): ReadonlyArray<readonly [string, Weighting]> => [
  ["covariance", { covariance: correlated(11, n) }],
  ["rows", { rows: uneven(12, n) }]
]

export const sidesOf = ({ left, right }: KroneckerShape): readonly [number, number] => [
  left[0] * right[0],
  left[1] * right[1]
]

/** C1 (x) C2 for C1 [m, m] and C2 [n, n]. */
export const kroneckerProduct = (a: Float64Array, m: number, b: Float64Array, n: number): Float64Array => {
  const size = m * n
  return Float64Array.from({ length: size * size }, (_, e) => {
    const [i, j] = [Math.floor(e / size), e % size]
    return a[Math.floor(i / n) * m + Math.floor(j / n)] * b[(i % n) * n + (j % n)]
  })
}

/** ||C^{1/2} x||² by plain loops, x [n, columns]. */
export const squaredNormByLoops = (weighting: Weighting, x: Float64Array, columns: number): number => {
  const n = x.length / columns
  let sum = 0
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const c =
        "covariance" in weighting ? weighting.covariance[i * n + j] : i === j ? weighting.rows[i] ** 2 : 0
      for (let k = 0; k < columns; k++) sum += c * x[i * columns + k] * x[j * columns + k]
    }
  return sum
}

/** ||C^{1/2} (W - W')||², from the difference itself. */
export const squaredErrorOf = (
  { w, shape, metric, host }: WeightedProblem,
  approximation: Float64Array
): number =>
  squaredErrorIn(
    inUnits(metric),
    undefined,
    w.map((value, e) => value - approximation[e]),
    sidesOf(shape)[1],
    host
  )
