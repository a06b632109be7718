import { writeFileSync } from "node:fs"
import { Effect, FileSystem, Path } from "effect"
import { Kronecker } from "../src/Kronecker/index.ts"
import * as Layers from "../src/Layers/index.ts"
import { key, stream } from "../src/Random/index.ts"
import { Tensor } from "../src/Tensor/index.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"

interface Part {
  readonly seconds: number
  readonly relativeError: number
}

interface PeerResult {
  readonly version: string
  readonly plain: Part
  readonly assignment: Part
  readonly annealing: Part
}

const [inputs, outputs] = [768, 3072]
const work = { inputs, outputs, terms: 4, left: [384, 768], right: [2, 4] } as const

/** A Gaussian matrix, and one of rank 64 with noise: the two ends between which trained weights lie. */
const matrices = (): Record<string, Float32Array> => {
  const numbers = stream(key(1))
  const gaussian = new Float32Array(inputs * outputs)
  numbers.fillNormal(gaussian)
  const rank = 64
  const [a, b] = [new Float32Array(inputs * rank), new Float32Array(rank * outputs)]
  numbers.fillNormal(a)
  numbers.fillNormal(b)
  const structured = new Float32Array(inputs * outputs)
  numbers.fillNormal(structured, 0, Math.sqrt(rank) / 2)
  for (let i = 0; i < inputs; i++)
    for (let r = 0; r < rank; r++)
      for (let j = 0; j < outputs; j++) structured[i * outputs + j] += a[i * rank + r] * b[r * outputs + j]
  return { gaussian, "rank 64 + noise": structured }
}

/**
 * One 768 x 3072 matrix into 4 terms of (384, 768) x (2, 4): without permutations, by assignment alone, and by annealing until it settles;
 * against plain numpy given as long as our annealing took. Without
 * permutations the median of seven, on both sides.
 */
export const kronecker = Effect.fn("bench.kronecker")(
  function* (_seconds: number) {
    const fileSystem = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const directory = yield* fileSystem.makeTempDirectoryScoped()
    const service = yield* Kronecker
    const rows: Array<Record<string, string | number>> = []
    const versions: Array<string> = []
    for (const [name, values] of Object.entries(matrices())) {
      const matrix = yield* Tensor.fromArray(values, [inputs, outputs])
      const fit = Effect.fnUntraced(function* (options: {
        readonly permute: "none" | "rows-and-columns"
        readonly swaps?: number
      }) {
        const start = performance.now()
        const { relativeError } = yield* service.fit(matrix, {
          terms: work.terms,
          left: [384, 768],
          right: [2, 4],
          key: key(1),
          ...options
        })
        return { seconds: (performance.now() - start) / 1000, relativeError }
      })
      const plain = yield* Effect.replicateEffect(fit({ permute: "none" }), 7)
      const own = {
        plain: plain.toSorted((a, b) => a.seconds - b.seconds)[3],
        assignment: yield* fit({ permute: "rows-and-columns", swaps: 0 }),
        annealing: yield* fit({ permute: "rows-and-columns" })
      }
      const path = join(directory, "matrix.f32")
      writeFileSync(path, values)
      const peer = runPeer<PeerResult>("kronecker", { ...work, matrix: path, seconds: own.annealing.seconds })
      if (isAbsent(peer)) versions.push(`numpy absent: ${peer.absent}`)
      else versions.push(peer.version)
      for (const what of ["plain", "assignment", "annealing"] as const)
        rows.push({
          matrix: name,
          what,
          seconds: own[what].seconds,
          "relative error": own[what].relativeError,
          ...(isAbsent(peer)
            ? {}
            : { "numpy seconds": peer[what].seconds, "numpy relative error": peer[what].relativeError })
        })
    }
    return { name: "kronecker", versions: [...new Set(versions)], rows } satisfies Report
  },
  Effect.scoped,
  Effect.provide([Kronecker.layer, Layers.cpu()])
)
