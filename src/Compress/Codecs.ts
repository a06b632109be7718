import { kroneckerCodec } from "../Kronecker/index.ts"
import { lowRankCodec, type WeightCodecs } from "../Weight/index.ts"

/** Every weight format that a compressed model may hold beside plain matrices. */
export const codecs: WeightCodecs = { "low-rank": lowRankCodec, kronecker: kroneckerCodec }
