import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Effect, FileSystem } from "effect"
import {
  adjustedLangevin,
  column,
  ControlVariates,
  Diagnostics,
  functional,
  type Kernel,
  logisticRegression,
  noUTurn,
  randomWalk,
  type Target,
  unadjustedLangevin
} from "../../src/ControlVariates/index.ts"
import { cpu } from "../../src/Layers/index.ts"
import { fold, key } from "../../src/Random/index.ts"
import { Backend } from "../../src/Tensor/index.ts"
import { isAbsent, runPeer } from "../Peer.ts"
import type { Report } from "../Report.ts"
import { paperDesign, pimaData } from "./Posteriors.ts"

interface PeerResult {
  readonly versions: ReadonlyArray<string>
  readonly samplers: Readonly<Record<string, number>>
  readonly fits: Readonly<Record<string, number>>
  readonly nuts: ReadonlyArray<{
    readonly name: string
    readonly precision: string
    readonly seconds: number
    readonly essBulk: number
  }>
}

const chain = { step: 0.1, burnIn: 1000, draws: 10_000 }
const nuts = { chains: 4, burnIn: 1000, draws: 2000 }
const window = 20
const fits = [10_000, 100_000]
const sizes = [10_000, 100_000, 1_000_000]

/** Seconds of the authors' code on the machine of the specification, for a Pima chain of 1,000 + 10,000 transitions. */
const authors: Readonly<Record<string, number>> = { ULA: 0.2, MALA: 1, RWM: 0.57 }

const kernels: ReadonlyArray<readonly [name: string, kernel: Kernel, stepSize: number]> = [
  ["ULA", unadjustedLangevin, chain.step],
  ["MALA", adjustedLangevin, chain.step],
  ["RWM", randomWalk, Math.sqrt(2 * chain.step)]
]

/** The least seconds of several times, the first of which compile; and the last result. */
const least = <A, E, R>(work: (time: number) => Effect.Effect<A, E, R>, times: number) =>
  Effect.gen(function* () {
    let seconds = Infinity
    for (let k = 0; ; k++) {
      const start = performance.now()
      const result = yield* work(k)
      seconds = Math.min(seconds, (performance.now() - start) / 1000)
      if (k + 1 === times) return { seconds, result }
    }
  })

/** The least seconds of an evaluation, over short bursts, which other work on the machine seldom interrupts. */
const leastEvaluation = (target: Target): number => {
  const positions = new Float64Array(target.dimensions).fill(0.1)
  const scores = new Float64Array(target.dimensions)
  const logDensity = new Float64Array(1)
  let seconds = Infinity
  for (let burst = 0; burst < 2000; burst++) {
    const start = performance.now()
    for (let k = 0; k < 50; k++) target.evaluate(positions, 1, logDensity, scores)
    seconds = Math.min(seconds, (performance.now() - start) / 50_000)
  }
  return seconds
}

const largeFit = (draws: number) => {
  const script = fileURLToPath(new URL("./LargeFit.ts", import.meta.url))
  const child = spawnSync(process.execPath, [script, String(draws)], { encoding: "utf8" })
  return child.status === 0
    ? (JSON.parse(child.stdout) as {
        readonly fitSeconds: number
        readonly reduceSeconds: number
        readonly peakBytes: number
      })
    : undefined
}

/**
 * Seconds of a chain of 1,000 + 10,000 transitions and of fits of degree 2, against numpy; bulk effective sample size a second of NUTS, burn-in
 * included and compilation not, against NumPyro, BlackJAX and PyMC; a million draws' seconds and memory.
 */
export const speed = Effect.fn("bench.controlVariates")(
  function* (_seconds: number) {
    const data = pimaData()
    const design = yield* paperDesign(data)
    const target = logisticRegression(design)
    const variates = yield* ControlVariates
    const { description } = yield* Backend
    // Too much for a command line.
    const fs = yield* FileSystem.FileSystem
    const path = yield* fs.makeTempFileScoped()
    yield* fs.writeFileString(
      path,
      JSON.stringify({
        x: Array.from({ length: design.rows }, (_, i) =>
          Array.from({ length: design.columns }, (__, j) => design.values[j * design.rows + i])
        ),
        y: [...design.labels]
      })
    )
    const peer = runPeer<PeerResult>("control_variates", {
      data: path,
      samplers: chain,
      fits,
      window,
      nuts
    })
    const rows: Array<Record<string, string | number>> = [
      { what: `log density and score, once, ${data.name}`, seconds: leastEvaluation(target) }
    ]
    for (const [name, kernel, stepSize] of kernels) {
      const own = yield* least(
        (k) =>
          variates.sample(target, {
            kernel,
            stepSize,
            key: fold(key(name), k),
            chains: 1,
            burnIn: chain.burnIn,
            draws: chain.draws
          }),
        40
      )
      rows.push({
        what: `${name}, one chain of 1,000 + 10,000, ${data.name}`,
        seconds: own.seconds,
        ...(isAbsent(peer)
          ? {}
          : { "numpy's": peer.samplers[name], "numpy takes": peer.samplers[name] / own.seconds }),
        "authors' on another day took": authors[name] / own.seconds
      })
    }
    for (const draws of fits) {
      const { result } = yield* least(
        () =>
          variates.sample(target, {
            kernel: unadjustedLangevin,
            stepSize: chain.step,
            key: key("fit"),
            chains: 1,
            burnIn: 100,
            draws
          }),
        1
      )
      const f = functional(result.chains, "theta_1", (x) => x[1])
      for (const objective of ["evm", "esvm"] as const) {
        const own = yield* least(
          () =>
            variates.fit(result.chains, f, {
              degree: 2,
              objective,
              ...(objective === "esvm" ? { window } : {})
            }),
          8
        )
        rows.push({
          what: `${objective} of degree 2, ${draws.toLocaleString("en")} draws, 54 features`,
          seconds: own.seconds,
          ...(isAbsent(peer) || objective === "evm"
            ? {}
            : { "numpy's": peer.fits[draws], "numpy takes": peer.fits[draws] / own.seconds })
        })
      }
    }
    const own = yield* least(
      (k) => variates.sample(target, { kernel: noUTurn(), key: fold(key("nuts"), k), ...nuts }),
      5
    )
    const { chains } = own.result
    const essBulk = Math.min(
      ...chains.names.map((_, i) => Diagnostics.essBulk(column(chains, i), chains.chains))
    )
    const rate = essBulk / own.seconds
    rows.push({
      what: "NUTS, 4 chains of 1,000 + 2,000, float64",
      seconds: own.seconds,
      "bulk ESS": essBulk,
      "ESS/s": rate
    })
    for (const other of isAbsent(peer) ? [] : peer.nuts)
      rows.push({
        what: `${other.name}, ${other.precision}`,
        seconds: other.seconds,
        "bulk ESS": other.essBulk,
        "ESS/s": other.essBulk / other.seconds,
        "ours over this": rate / (other.essBulk / other.seconds)
      })
    for (const draws of sizes) {
      const found = largeFit(draws)
      if (found !== undefined)
        rows.push({
          what: `esvm of degree 2 on ${draws.toLocaleString("en")} draws, process of its own`,
          seconds: found.fitSeconds,
          "us a draw": (found.fitSeconds / draws) * 1e6,
          "seconds of reduce": found.reduceSeconds,
          "peak GB": found.peakBytes / 1e9
        })
    }
    return {
      name: "control-variates",
      versions: [description, ...(isAbsent(peer) ? [`peers absent: ${peer.absent}`] : peer.versions)],
      rows
    } satisfies Report
  },
  (effect) => effect.pipe(Effect.provide(ControlVariates.layer), Effect.provide(cpu()), Effect.scoped)
)
