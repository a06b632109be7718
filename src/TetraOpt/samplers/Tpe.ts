import { random } from "./Random.ts"
import type { Sampler } from "./Sampler.ts"

/** The tree-structured Parzen estimator. */
export const tpe: Sampler = { ...random, name: "tpe" }
