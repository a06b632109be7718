import type { WeightedProblem } from "./WeightedProblem.ts"

/** diag(C)^{1/2} W: what a search in the Frobenius norm can see of the metric. */
export const scaledRows = ({ w, shape, metric }: WeightedProblem): Float64Array => {
  const inputs = shape.left[0] * shape.right[0]
  const outputs = w.length / inputs
  const stride = metric.isDiagonal ? 1 : inputs + 1
  return w.map((value, e) => value * Math.sqrt(metric.values[Math.floor(e / outputs) * stride]))
}
