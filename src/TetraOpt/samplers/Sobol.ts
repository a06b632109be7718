import { random } from "./Random.ts"
import type { Sampler } from "./Sampler.ts"

/** Points of low discrepancy. */
export const sobol: Sampler = { ...random, name: "sobol" }
