import { kroneckerCodec } from "../Kronecker/index.ts"
import { tensorTrainCodec } from "../TensorTrain/index.ts"
import { lowRankCodec, sumCodec, type WeightCodecs } from "../Weight/index.ts"

const single: WeightCodecs = {
  "low-rank": lowRankCodec,
  kronecker: kroneckerCodec,
  "tensor-train": tensorTrainCodec
}

/** Every weight format that a compressed model may hold beside plain matrices. */
export const codecs: WeightCodecs = { ...single, sum: sumCodec(single) }
