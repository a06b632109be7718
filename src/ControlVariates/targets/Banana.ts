import { checkCount, checkPositive } from "../Errors.ts"
import { pointwise, type Target } from "./Target.ts"

/**
 * The banana, a normal with twisted second coordinate: x_1 ~ N(0, spread), x_2 + bend (x_1^2 - spread) ~ N(0, 1), the others N(0, 1)
 * (Haario, Saksman and Tamminen 1999). E x_2 = 0.
 */
export const banana = (
  options: {
    /** At least 2; default 2. */
    readonly dimensions?: number
    /** Default 0.1. */
    readonly bend?: number
    /** Variance of the first coordinate, default 100. */
    readonly spread?: number
  } = {}
): Target => {
  const { dimensions = 2, bend = 0.1, spread = 100 } = options
  checkCount("dimensions", dimensions, 2)
  checkPositive("spread", spread)
  return pointwise("banana", dimensions, (x, score) => {
    const twisted = x[1] + bend * (x[0] * x[0] - spread)
    score[0] = -x[0] / spread - 2 * bend * x[0] * twisted
    score[1] = -twisted
    let value = -0.5 * ((x[0] * x[0]) / spread + twisted * twisted)
    for (let i = 2; i < dimensions; i++) {
      score[i] = -x[i]
      value -= 0.5 * x[i] * x[i]
    }
    return value
  })
}
