/** A step of a quasi-Newton method (L-BFGS: Nocedal, 1980) that is looked back upon. */
export interface StepPair {
  readonly step: Float64Array
  /** By how much the gradient fell along it: <step, fall> is greater than 0. */
  readonly fall: Float64Array
}

/** H g by the two loops of L-BFGS, H's first guess being `solve`; steps: oldest first. */
export const quasiNewton = (
  gradient: Float64Array,
  steps: ReadonlyArray<StepPair>,
  solve: (x: Float64Array) => Float64Array
): Float64Array => {
  const shares = new Float64Array(steps.length)
  const rest = gradient.slice()
  for (let i = steps.length - 1; i >= 0; i--) {
    const { step, fall } = steps[i]
    shares[i] = innerProduct(step, rest) / innerProduct(step, fall)
    for (let e = 0; e < rest.length; e++) rest[e] -= shares[i] * fall[e]
  }
  const direction = solve(rest)
  steps.forEach(({ step, fall }, i) => {
    const share = shares[i] - innerProduct(fall, direction) / innerProduct(step, fall)
    for (let e = 0; e < direction.length; e++) direction[e] += share * step[e]
  })
  return direction
}

export const innerProduct = (a: Float64Array, b: Float64Array): number => {
  let sum = 0
  for (let e = 0; e < a.length; e++) sum += a[e] * b[e]
  return sum
}
