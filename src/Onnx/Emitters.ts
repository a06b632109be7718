import { denseEmitter } from "./DenseEmitter.ts"
import { kroneckerEmitter } from "./KroneckerEmitter.ts"
import { lowRankEmitter } from "./LowRankEmitter.ts"
import { sumEmitter } from "./SumEmitter.ts"
import { tensorTrainEmitter } from "./TensorTrainEmitter.ts"
import type { WeightEmitters } from "./WeightEmitter.ts"

const single: WeightEmitters = {
  dense: denseEmitter,
  "low-rank": lowRankEmitter,
  kronecker: kroneckerEmitter,
  "tensor-train": tensorTrainEmitter
}

/** Every weight format that can be exported without being given an emitter. */
export const emitters: WeightEmitters = { ...single, sum: sumEmitter(single) }
