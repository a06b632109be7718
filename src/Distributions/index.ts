/** Quantiles and distribution functions, right to rounding. */
export { betaQuantile } from "./Beta.ts"
export { normalLogCdf } from "./NormalLogCdf.ts"
export { normalQuantile } from "./NormalQuantile.ts"
export { studentQuantile } from "./StudentT.ts"
