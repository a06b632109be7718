/** Values at points, and a Lipschitz constant that the function between them is believed to have. */
export interface LipschitzData {
  /** [points, stateSize] */
  readonly points: Float64Array
  /** [points] */
  readonly values: Float64Array
  readonly stateSize: number
  /** Each coordinate is divided by its scale before distances are taken; default 1. */
  readonly scale?: ReadonlyArray<number> | undefined
  readonly constant: number
}

/** What an L-Lipschitz function through the values can be at a state. */
export interface Envelopes {
  /** min_l (V_l + L rho(x, x_l)): bounds V*(x) where V* is L-Lipschitz and all V_l together bound it at the points. */
  readonly upper: number
  /** max_l (V_l - L rho(x, x_l)) */
  readonly lower: number
  /** The mean of both, as in arXiv 2105.02135: an estimate, not a bound. */
  readonly midpoint: number
}

/**
 * The Lipschitz envelopes of finished values at a state (arXiv 2105.02135, section 4). They are for reading a certificate off between its points, with limits
 * that hold simultaneously. Inside of a sampled recursion `nearestDesign` is used instead: the least of several noisy bounds is below
 * each of them in expectation, so an envelope would bias the recursion downwards.
 */
export const envelopes = (data: LipschitzData, state: ArrayLike<number>): Envelopes => {
  const { points, values, stateSize, scale, constant } = data
  let [upper, lower] = [Infinity, -Infinity]
  for (let point = 0; point < values.length; point++) {
    let square = 0
    for (let i = 0; i < stateSize; i++)
      square += ((state[i] - points[point * stateSize + i]) / (scale?.[i] ?? 1)) ** 2
    const reach = constant * Math.sqrt(square)
    upper = Math.min(upper, values[point] + reach)
    lower = Math.max(lower, values[point] - reach)
  }
  return { upper, lower, midpoint: (upper + lower) / 2 }
}
