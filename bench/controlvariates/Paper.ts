import { Effect } from "effect"
import { NodeServices } from "@effect/platform-node"
import { type Chains, ControlVariates, type FitOptions, trapezoid } from "../../src/ControlVariates/index.ts"
import { requireScores } from "../../src/ControlVariates/Chains.ts"
import { applyControlVariate, type ControlVariate } from "../../src/ControlVariates/fit/ControlVariate.ts"
import { cpu } from "../../src/Layers/index.ts"
import { fold, key } from "../../src/Random/index.ts"
import { isAbsent } from "../Peer.ts"
import type { Report } from "../Report.ts"
import { authorsChains } from "./AuthorsChains.ts"
import { type Experiment, paperExperiments, type Ratios } from "./PaperExperiments.ts"
import { chainNumbers, type ChainNumbers, quantile, ratiosOf, replicate } from "./Replications.ts"

/** Training chains, and groups of as many test chains as an experiment has. */
const [trainingChains, groups] = [8, 6]

const fitsOf = (width: number): ReadonlyArray<readonly [name: string, options: FitOptions]> => {
  const spectral = { ridge: 0, objective: "esvm", window: trapezoid(width) } as const
  const plain = { ridge: 0, objective: "evm" } as const
  return [
    ["EVM 1", { ...plain, degree: 1 }],
    ["ESVM 1", { ...spectral, degree: 1 }],
    ["EVM 2", { ...plain, degree: 2 }],
    ["ESVM 2", { ...spectral, degree: 2 }]
  ]
}

const rounded = (value: number): string =>
  value >= 1000 ? `${(value / 1000).toPrecision(3)}k` : value.toPrecision(3)

/** Every fit on a training chain; undefined where its window makes the form indefinite. */
const fitAll = Effect.fnUntraced(function* ({ functionals, width }: Experiment, train: Chains) {
  const variates = yield* ControlVariates
  return yield* Effect.forEach(fitsOf(width), ([, options]) =>
    variates
      .fit(train, functionals(train), options)
      .pipe(Effect.catchTag("NumericalError", () => Effect.succeed(undefined)))
  )
})

/** Test chains, their functional, and its numbers without a control variate. */
const tested = ({ functionals, width }: Experiment, chains: Chains) => {
  const f = functionals(chains)
  const judge = trapezoid(width)
  return {
    before: chainNumbers(f.values[0], chains.chains, judge),
    after: (variate: ControlVariate) =>
      Effect.map(applyControlVariate(variate, requireScores(chains), f), ([series]) =>
        chainNumbers(series, chains.chains, judge)
      )
  }
}

/** Chains of our own, and many experiments of the authors' size made of them. By fit. */
const ours = Effect.fnUntraced(function* (experiment: Experiment) {
  const { target, kernel, stepSize, burnIn, draws, testChains, width } = experiment
  const variates = yield* ControlVariates
  const root = key(experiment.name)
  const chainsOf = (what: string, index: number, chains: number) =>
    variates.sample(target, {
      kernel,
      stepSize,
      burnIn,
      draws,
      chains,
      key: fold(fold(root, what), index)
    })
  const trained = yield* Effect.forEach(
    Array.from({ length: trainingChains }, (_, index) => index),
    (index) => Effect.flatMap(chainsOf("train", index, 1), ({ chains }) => fitAll(experiment, chains))
  )
  const before: Array<ChainNumbers> = []
  const after = fitsOf(width).map((_, k) =>
    trained.flatMap((fits) => {
      const variate = fits[k]
      return variate === undefined ? [] : [{ variate, numbers: new Array<ChainNumbers>() }]
    })
  )
  for (let group = 0; group < groups; group++) {
    const test = tested(experiment, (yield* chainsOf("test", group, testChains)).chains)
    before.push(...test.before)
    for (const { variate, numbers } of after.flat()) numbers.push(...(yield* test.after(variate)))
  }
  return after.map((fits) => {
    const all = fits.map(({ numbers }) => numbers)
    return all.length === 0
      ? { refused: trainingChains }
      : {
          refused: trainingChains - all.length,
          typical: [0, 1].map((k) =>
            quantile(
              all.map((numbers) => ratiosOf(before, numbers)[k]),
              0.5
            )
          ),
          printed: replicate(before, all, testChains, fold(root, "replications"))
        }
  })
})

/** What our fits give on the authors' chains, by fit; or why they are absent. */
const onAuthorsChains = Effect.fnUntraced(function* (experiment: Experiment) {
  const theirs = yield* authorsChains(experiment)
  if (isAbsent(theirs)) return theirs
  const test = tested(experiment, theirs.test)
  return yield* Effect.forEach(yield* fitAll(experiment, theirs.training), (variate) =>
    variate === undefined
      ? Effect.succeed(undefined)
      : Effect.map(test.after(variate), (after) => ratiosOf(test.before, after))
  )
})

/** The rows of one experiment: some 20 s and, for the authors' chains, 10 s. */
export const paperRows = Effect.fnUntraced(function* (experiment: Experiment) {
  const found = yield* ours(experiment)
  const theirs = yield* onAuthorsChains(experiment)
  return fitsOf(experiment.width).map(([fit], k) => {
    const { refused, typical, printed } = found[k]
    const known: Ratios | undefined = experiment.known[fit]
    const seeded = isAbsent(theirs) ? undefined : theirs[k]
    const columns = (which: 0 | 1, name: string): Record<string, string> => {
      if (typical === undefined || printed === undefined) return {}
      const values = printed.map((ratios) => ratios[which])
      return {
        [name]: rounded(typical[which]),
        [`95 % of ${name}`]: `${rounded(quantile(values, 0.025))} to ${rounded(quantile(values, 0.975))}`,
        ...(known === undefined
          ? {}
          : {
              [`paper's ${name}`]: rounded(known[which]),
              [`share below, ${name}`]: (
                values.filter((value) => value < known[which]).length / values.length
              ).toFixed(2)
            }),
        ...(seeded === undefined ? {} : { [`${name}, their seeds`]: rounded(seeded[which]) })
      }
    }
    return {
      experiment: experiment.name,
      chains: experiment.testChains,
      fit,
      ...columns(0, "spectral"),
      ...columns(1, "across"),
      ...(refused === 0 ? {} : { refused: `${refused} of ${trainingChains}` })
    }
  })
})

/**
 * The tables of arXiv 1910.03643: ours, where 95 % of experiments of the authors' size would print, what theirs printed and what share of ours would be below, and what our
 * fits give on their chains.
 */
export const paper = Effect.fn("bench.controlVariatesPaper")(
  function* (_seconds: number) {
    const rows = yield* Effect.forEach(yield* paperExperiments, paperRows)
    return {
      name: "control-variates-paper",
      versions: [
        `ratios of spectral variances (means over the test chains) and of variances across chains: medians over ${trainingChains} training chains, with ${groups} times as many test chains as an experiment has`
      ],
      rows: rows.flat()
    } satisfies Report
  },
  (effect) =>
    effect.pipe(
      Effect.provide(ControlVariates.layer),
      Effect.provide(cpu()),
      Effect.provide(NodeServices.layer),
      Effect.scoped
    )
)
