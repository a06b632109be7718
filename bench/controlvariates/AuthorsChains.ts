import { Effect, FileSystem, Path } from "effect"
import { readChains } from "../../src/ControlVariates/index.ts"
import { isAbsent, type PeerAbsent, runPeer } from "../Peer.ts"
import type { Experiment } from "./PaperExperiments.ts"
import { pimaPath } from "./Posteriors.ts"

const trainingSeed = 777

/**
 * The training chain and the test chains that the authors' seeds give, drawn by numpy; or why they are absent.
 */
export const authorsChains = Effect.fnUntraced(function* (experiment: Experiment) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const out = yield* fs.makeTempDirectoryScoped()
  const pima = pimaPath()
  if (pima === undefined) return { absent: "no file of the Pima data" } satisfies PeerAbsent
  const { kernel, step, burnIn, draws, testChains, authorsTarget } = experiment
  const one = { sampler: kernel.name, step, burnIn, draws, target: authorsTarget }
  const peer = runPeer<{ readonly versions: ReadonlyArray<string> }>("paper_chains", {
    pima,
    out,
    experiments: [
      { ...one, name: "training", seeds: [trainingSeed] },
      { ...one, name: "test", seeds: Array.from({ length: testChains }, (_, seed) => seed) }
    ]
  })
  if (isAbsent(peer)) return peer
  const chainsOf = (name: string) =>
    readChains([join(out, `${name}.npy`)], { scores: join(out, `${name}-scores.npy`) })
  return { training: yield* chainsOf("training"), test: yield* chainsOf("test") }
}, Effect.scoped)
