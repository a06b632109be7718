import { Effect } from "effect"
import { functionNames, functions } from "../examples/minimization/Functions.ts"
import { mean, runFunction, type RunSettings, shiftOf } from "../examples/minimization/Runs.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"

interface PeerResult {
  readonly versions: ReadonlyArray<string>
  readonly rows: ReadonlyArray<{
    readonly function: string
    readonly value: number
    readonly seconds: number
  }>
}

const common = { dims: 10, evals: 100_000 }
/** Runs of ours and of the peer, which takes some twenty times as long. */
const seeds = { ours: 10, peer: 3 }

/** TTOpt as in its paper: rank 4, 2^25 points a variable as 25 digits. */
const peerSettings = { rank: 4, base: 2, digits: 25 }

/**
 * The ten functions of TTOpt's first table in 10 dimensions with 100 000 evaluations, first with their minimiser moved by up to a tenth of the
 * box, then in its place: mean error and seconds a run, against TTOpt with the same shifts.
 */
export const tetraopt = Effect.fn("bench.tetraopt")(function* () {
  const rows: Array<Record<string, string | number>> = []
  let versions: ReadonlyArray<string> = []
  for (const shift of [0.1, 0]) {
    const settings: RunSettings = { ...common, seeds: seeds.ours, shift }
    // TTOpt's error without a shift is the same for every seed but for its random start; three runs tell.
    const runs = functionNames.flatMap((name) =>
      Array.from({ length: seeds.peer }, (_, seed) => ({
        function: name,
        low: functions[name].low,
        high: functions[name].high,
        seed,
        shift: [...shiftOf(name, seed, settings)]
      }))
    )
    const peer = runPeer<PeerResult>("tetraopt", { ...common, ...peerSettings, runs })
    versions = isAbsent(peer) ? [`peer absent: ${peer.absent}`] : peer.versions
    for (const name of functionNames) {
      const { errors, seconds } = yield* runFunction(name, settings)
      const theirs = isAbsent(peer) ? [] : peer.rows.filter((row) => row.function === name)
      const least = functions[name].minimum(common.dims)
      rows.push({
        function: name,
        shift,
        "mean error": mean(errors),
        "largest error": Math.max(...errors),
        seconds,
        ...(theirs.length > 0 && {
          "TTOpt's mean error": mean(theirs.map(({ value }) => Math.max(0, value - least))),
          "its seconds": mean(theirs.map((row) => row.seconds)),
          "times as fast": mean(theirs.map((row) => row.seconds)) / seconds
        })
      })
    }
  }
  return { name: "tetraopt", versions, rows } satisfies Report
})
