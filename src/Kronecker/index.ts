/** Nearest sums of Kronecker products, permutations, and the weight that is one. */
export type { Permute } from "./Arrangement.ts"
export type { KroneckerShape } from "./Contraction.ts"
export { Kronecker, type KroneckerFit, type KroneckerFitOptions } from "./Kronecker.ts"
export {
  kroneckerCodec,
  type KroneckerParts,
  type KroneckerWeight,
  kroneckerWeight
} from "./KroneckerWeight.ts"
