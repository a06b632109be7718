import { Layer } from "effect"
import { Compress } from "../../../src/Compress/index.ts"
import { Distill } from "../../../src/Distill/index.ts"
import { Kronecker } from "../../../src/Kronecker/index.ts"
import { sentence } from "../../Distill/TinyGpt2.ts"

/** What planning for a budget, and the fits that follow, need. */
export const services = Compress.layer.pipe(Layer.provideMerge(Kronecker.layer), Layer.provide(Distill.layer))

/** A text that the tiny GPT-2 has words for: short, so that it judges itself. */
export const tokens = Int32Array.from(
  { length: 300 },
  (_, i) => sentence[(i + Math.floor(i / 7)) % sentence.length]
)
