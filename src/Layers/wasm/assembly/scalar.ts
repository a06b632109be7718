// Scalar float64 functions, by the vector ones.

import { log } from "./math"

export function logarithm(x: f64): f64 {
  return f64x2.extract_lane(log<f64>(f64x2.splat(x)), 0)
}
