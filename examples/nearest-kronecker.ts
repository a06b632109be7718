/** The smallest program: a matrix as a sum of Kronecker products between permutations. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { Kronecker } from "../src/Kronecker/index.ts"
import * as Layers from "../src/Layers/index.ts"
import { Tensor } from "../src/Tensor/index.ts"

const program = Effect.gen(function* () {
  const kronecker = yield* Kronecker
  const weights = Float32Array.from({ length: 8 * 8 }, (_, i) => Math.sin(i * i))
  const w = yield* Tensor.fromArray(weights, [8, 8])
  const fit = yield* kronecker.fit(w, { terms: 2, left: [4, 4], right: [2, 2], permute: "rows-and-columns" })
  yield* Effect.log(`relative error ${fit.relativeError.toFixed(4)}`)
})

program.pipe(Effect.scoped, Effect.provide([Kronecker.layer, Layers.cpu()]), NodeRuntime.runMain)
