/** Density of the standard normal. */
export const density = (z: number): number => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)

// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26; absolute error below 1.5e-7.
const erfcOfPositive = (x: number): number => {
  const t = 1 / (1 + 0.3275911 * x)
  const series =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
  return series * Math.exp(-x * x)
}

/** Distribution function of the standard normal, to 1e-7. */
export const cumulative = (z: number): number => {
  const half = 0.5 * erfcOfPositive(Math.abs(z) / Math.SQRT2)
  return z > 0 ? 1 - half : half
}

// Abramowitz and Stegun 26.2.23, whose error is below 4.5e-4: enough for the scores of ranks.
const tailQuantile = (p: number): number => {
  const t = Math.sqrt(-2 * Math.log(p))
  return t - ((0.010328 * t + 0.802853) * t + 2.515517) / (((0.001308 * t + 0.189269) * t + 1.432788) * t + 1)
}

/** The z of which the distribution function is p, for 0 < p < 1, to 5e-4. */
export const quantile = (p: number): number => (p < 0.5 ? -tailQuantile(p) : tailQuantile(1 - p))

// Q(x) / density(x) for x >= 2 by Laplace's continued fraction 1 / (x + 1 / (x + 2 / (x + ...))).
const millsRatio = (x: number): number => {
  let fraction = x
  for (let term = 60; term >= 1; term--) fraction = x + term / fraction
  return 1 / fraction
}

/**
 * ln E[max(0, z + Z)] for a standard normal Z: the logarithm of the expected improvement in units of the standard deviation
 * (Jones et al., 1998; its logarithm: Ament et al., 2023), exact to 1e-5 far below 0 too.
 */
export const logExpectedImprovement = (z: number): number => {
  if (z > -2) return Math.log(density(z) + z * cumulative(z))
  const logDensity = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI)
  return logDensity + (z > -1e4 ? Math.log(1 + z * millsRatio(-z)) : -2 * Math.log(-z))
}
