import { Effect } from "effect"
import {
  adjustedLangevin,
  bartlett,
  type Chains,
  ControlVariates,
  type FitOptions,
  functional,
  type Functionals,
  type Kernel,
  logisticRegression,
  makeDesign,
  randomWalk,
  spectralVariance,
  type Target,
  trapezoid,
  unadjustedLangevin,
  type Window
} from "../../src/ControlVariates/index.ts"
import { requireScores } from "../../src/ControlVariates/Chains.ts"
import { applyControlVariate } from "../../src/ControlVariates/fit/ControlVariate.ts"
import { cpu } from "../../src/Layers/index.ts"
import { fold, key, stream } from "../../src/Random/index.ts"
import type { Report } from "../Report.ts"
import { centred, type Data, paperDesign, paperMixture, pimaData } from "./Posteriors.ts"

const variance = (values: ReadonlyArray<number>): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1)
}

const rowsOf = (series: Float64Array, chains: number): ReadonlyArray<Float64Array> => {
  const draws = series.length / chains
  return Array.from({ length: chains }, (_, c) => series.subarray(c * draws, (c + 1) * draws))
}

/** Each chain's spectral variance and mean. */
const chainsOf = (series: Float64Array, chains: number, window: Window) =>
  rowsOf(series, chains).map((row) => ({
    spectral: spectralVariance(row, 1, window),
    mean: row.reduce((a, b) => a + b, 0) / row.length
  }))

type ChainNumbers = ReturnType<typeof chainsOf>

/** Ratios of the mean spectral variances, and of the variances of the chains' means. */
const ratiosOf = (before: ChainNumbers, after: ChainNumbers): readonly [spectral: number, across: number] => {
  const sum = (list: ChainNumbers): number => list.reduce((total, { spectral }) => total + spectral, 0)
  const spread = (list: ChainNumbers): number => variance(list.map(({ mean }) => mean))
  return [sum(before) / sum(after), spread(before) / spread(after)]
}

/** Test chains in a group, of which the spread of a smaller experiment is seen. */
const groupSize = 20

interface Experiment {
  readonly name: string
  readonly target: Target
  readonly kernel: Kernel
  readonly stepSize: number
  readonly burnIn: number
  readonly draws: number
  readonly testChains: number
  readonly seeds: number
  /** b_n: flat part of the trapezoid that judges, and width of the windows that fit. */
  readonly width: number
  readonly functionals: (chains: Chains) => Functionals
  /** What the paper's authors' code gave: by functional, then by fit; spectral and across chains. */
  readonly known: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>
}

const fitsOf = (width: number): ReadonlyArray<readonly [name: string, options: FitOptions]> =>
  [1, 2].flatMap((degree) => [
    [`EVM ${degree}`, { degree, ridge: 0, objective: "evm" }] as const,
    [`ESVM ${degree}, trapezoid`, { degree, ridge: 0, objective: "esvm", window: trapezoid(width) }] as const,
    [`ESVM ${degree}, Bartlett`, { degree, ridge: 0, objective: "esvm", window: bartlett(width) }] as const
  ])

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const range = (values: ReadonlyArray<number>): string =>
  [Math.min(...values), Math.max(...values)]
    .map((value) => (value >= 1000 ? `${(value / 1000).toPrecision(3)}k` : value.toPrecision(3)))
    .join(" to ")

const run = Effect.fnUntraced(function* (experiment: Experiment) {
  const { target, kernel, stepSize, burnIn, draws, testChains, functionals, width } = experiment
  const variates = yield* ControlVariates
  const options = { kernel, stepSize, burnIn, draws }
  const root = key(experiment.name)
  const test = yield* variates.sample(target, { ...options, key: fold(root, "test"), chains: testChains })
  const f = functionals(test.chains)
  const judge = trapezoid(width)
  const plain = f.values.map((series) => chainsOf(series, testChains, judge))
  const found = new Map<string, Array<readonly [spectral: number, across: number]>>()
  const inGroups = new Map<string, Array<readonly [spectral: number, across: number]>>()
  const refused = new Map<string, number>()
  for (let seed = 0; seed < experiment.seeds; seed++) {
    const { chains: train } = yield* variates.sample(target, {
      ...options,
      key: fold(fold(root, "train"), seed),
      chains: 1
    })
    for (const [fit, fitOptions] of fitsOf(width)) {
      const variate = yield* Effect.result(variates.fit(train, functionals(train), fitOptions))
      if (variate._tag === "Failure") {
        refused.set(fit, (refused.get(fit) ?? 0) + 1)
        continue
      }
      const series = yield* applyControlVariate(variate.success, requireScores(test.chains), f)
      series.forEach((h, q) => {
        const after = chainsOf(h, testChains, judge)
        const id = `${f.names[q]}|${fit}`
        found.set(id, [...(found.get(id) ?? []), ratiosOf(plain[q], after)])
        for (let g = 0; g + groupSize <= testChains; g += groupSize)
          inGroups.set(id, [
            ...(inGroups.get(id) ?? []),
            ratiosOf(plain[q].slice(g, g + groupSize), after.slice(g, g + groupSize))
          ])
      })
    }
  }
  return f.names.flatMap((name) =>
    fitsOf(width).map(([fit]) => {
      const ratios = found.get(`${name}|${fit}`) ?? []
      const grouped = inGroups.get(`${name}|${fit}`) ?? []
      const known = experiment.known[name]?.[fit.split(",")[0]]
      const times = refused.get(fit) ?? 0
      return {
        experiment: experiment.name,
        functional: name,
        fit,
        ...(ratios.length === 0
          ? {}
          : {
              spectral: median(ratios.map(([ratio]) => ratio)),
              "by 20 chains": range(grouped.map(([ratio]) => ratio)),
              "across chains": median(ratios.map(([, ratio]) => ratio)),
              "across 20 chains": range(grouped.map(([, ratio]) => ratio))
            }),
        ...(known === undefined ? {} : { "theirs, spectral": known[0], "theirs, across chains": known[1] }),
        ...(times === 0 ? {} : { refused: `${times} of ${experiment.seeds}` })
      }
    })
  )
})

const theta1 = (chains: Chains): Functionals => functional(chains, "theta_1", (x) => x[1])

const heldOut = 50

/** Mean over held-out rows of the probability of the row's own label, as the authors' code has it; rows are split at random, by label. */
const splitOf = (data: Data, seed: number) => {
  const random = stream(fold(key("held out"), seed))
  const order = [0, 1].map((label) =>
    Array.from(random.permutation(data.rows.length)).filter((i) => data.labels[i] === label)
  )
  const counts = order.map(({ length }) => Math.round((heldOut * length) / data.rows.length))
  const test = order.flatMap((list, label) => list.slice(0, counts[label]))
  const train = order.flatMap((list, label) => list.slice(counts[label]))
  const take = (indices: ReadonlyArray<number>): Data => ({
    name: data.name,
    rows: indices.map((i) => data.rows[i]),
    labels: indices.map((i) => data.labels[i])
  })
  return { train: take(train), test: take(test) }
}

/** The posterior of the other rows, and the functional of the held-out ones; all are centred and whitened by the other rows. */
const heldOutFunctional = Effect.fnUntraced(function* (data: Data, seed: number) {
  const { train, test } = splitOf(data, seed)
  const design = yield* paperDesign(train)
  const { rows, columns, values, labels } = yield* makeDesign(centred(test.rows, train.rows), test.labels, {
    like: design
  })
  const of = (theta: Float64Array): number => {
    let sum = 0
    for (let i = 0; i < rows; i++) {
      let eta = 0
      for (let j = 0; j < columns; j++) eta += values[j * rows + i] * theta[j]
      sum += 1 / (1 + Math.exp(labels[i] === 1 ? -eta : eta)) / rows
    }
    return sum
  }
  return { target: logisticRegression(design), of }
})

/**
 * The tables of arXiv 1910.03643 with the conventions of the authors' code (github.com/svsamsonov/esvm): covariates centred before they are whitened, random walk with
 * variance 2 * step, the second coordinate, held-out rows for the predictions, variances averaged over the test chains and then divided.
 */
export const paper = Effect.fn("bench.controlVariatesPaper")(
  function* (_seconds: number) {
    const data = pimaData()
    const design = yield* paperDesign(data)
    const regression = {
      target: logisticRegression(design),
      stepSize: 0.1,
      burnIn: 1000,
      draws: 10_000,
      testChains: 100,
      seeds: 8,
      width: 20,
      functionals: theta1
    }
    const rows = yield* run({
      ...regression,
      name: `${data.name}, ULA`,
      kernel: unadjustedLangevin,
      known: {
        theta_1: {
          "EVM 1": [626, 838],
          "ESVM 1": [612, 817],
          "EVM 2": [39_500, 84_600],
          "ESVM 2": [30_300, 66_000]
        }
      }
    })
    rows.push(
      ...(yield* run({
        ...regression,
        name: `${data.name}, MALA`,
        kernel: adjustedLangevin,
        known: {
          theta_1: {
            "EVM 1": [665, 734],
            "ESVM 1": [655, 728],
            "EVM 2": [48_800, 141_000],
            "ESVM 2": [38_700, 98_600]
          }
        }
      }))
    )
    for (let seed = 0; seed < 3; seed++) {
      const { target, of } = yield* heldOutFunctional(data, seed)
      rows.push(
        ...(yield* run({
          ...regression,
          name: `${data.name}, ULA, split ${seed + 1}`,
          target,
          seeds: 3,
          kernel: unadjustedLangevin,
          functionals: (chains) => functional(chains, "predicted", of),
          known: {
            predicted: {
              "EVM 1": [356, 520],
              "ESVM 1": [347, 516],
              "EVM 2": [15_000, 24_600],
              "ESVM 2": [14_000, 23_800]
            }
          }
        }))
      )
    }
    rows.push(
      ...(yield* run({
        name: "Gaussian mixture, RWM",
        target: paperMixture,
        kernel: randomWalk,
        stepSize: Math.sqrt(0.2),
        burnIn: 10_000,
        draws: 100_000,
        testChains: 40,
        seeds: 4,
        width: 50,
        functionals: (chains) => functional(chains, "x0^2", ([x]) => x * x),
        known: {
          "x0^2": { "EVM 1": [1, 1], "ESVM 1": [1, 1], "EVM 2": [9.6, 10.2], "ESVM 2": [16.1, 19.1] }
        }
      }))
    )
    return {
      name: "control-variates-paper",
      versions: [
        "medians over training chains; ranges over training chains and groups of 20 test chains; b_n = 20 (mixture 50)"
      ],
      rows
    } satisfies Report
  },
  (effect) => effect.pipe(Effect.provide(ControlVariates.layer), Effect.provide(cpu()), Effect.scoped)
)
