import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import {
  banana,
  type Chains,
  coordinates,
  functional,
  type Functionals,
  gaussianMixture,
  logisticRegression,
  lotkaVolterra,
  makeDesign,
  odePosterior,
  probitRegression,
  solveOrdinary,
  squares,
  type Target,
  vanDerPol
} from "../../src/ControlVariates/index.ts"
import { key, stream } from "../../src/Random/index.ts"

/** Rows of inputs and a label of 0 or 1 each. */
export interface Data {
  readonly name: string
  readonly rows: ReadonlyArray<ReadonlyArray<number>>
  readonly labels: ReadonlyArray<number>
}

/** The CSV of the Pima data that TESSERAE_PIMA names, or the one in ../shared/data; undefined where there is none. */
export const pimaPath = (): string | undefined => {
  const path =
    process.env["TESSERAE_PIMA"] ?? fileURLToPath(new URL("../../../shared/data/pima.csv", import.meta.url))
  return existsSync(path) ? path : undefined
}

// As many rows and columns as Pima, labels of a logistic model, for those who do not have the file.
const simulated = (): Data => {
  const random = stream(key("simulated"))
  const rows = Array.from({ length: 768 }, () => Array.from({ length: 8 }, () => random.normal()))
  const labels = rows.map((row) =>
    random.bernoulli(1 / (1 + Math.exp(0.8 - row[0] - 0.5 * row[1] + 0.3 * row[2]))) ? 1 : 0
  )
  return { name: "simulated 768 x 9", rows, labels }
}

/** The Pima data, 768 rows of 8 inputs, where TESSERAE_PIMA or ../shared/data names a CSV of them; else simulated data of that size. */
export const pimaData = (): Data => {
  const path = pimaPath()
  if (path === undefined) return simulated()
  const table = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(",").map(Number))
  return {
    name: "Pima",
    rows: table.map((row) => row.slice(0, -1)),
    labels: table.map((row) => row[row.length - 1])
  }
}

const columnMeans = (rows: Data["rows"]): ReadonlyArray<number> =>
  rows[0].map((_, j) => rows.reduce((sum, row) => sum + row[j] / rows.length, 0))

/** Rows with the columns' means (of these rows, or of others) taken off. */
export const centred = (rows: Data["rows"], of: Data["rows"] = rows): Data["rows"] => {
  const means = columnMeans(of)
  return rows.map((row) => row.map((x, j) => x - means[j]))
}

/** The paper's design: columns centred, then an intercept, then X (X'X)^(-1/2). */
export const paperDesign = ({ rows, labels }: Data) => makeDesign(centred(rows), labels, { scale: "whiten" })

/** One of the two components of the paper's mixture; the other is at the negative mean. */
export const paperMixtureComponent = {
  mean: [0.5, 0.5],
  covariance: [
    [1.26656948647569, -0.888204956178805],
    [-0.888204956178805, 0.776263225917178]
  ]
}

export const paperMixture: Target = gaussianMixture(
  [1, -1].map((sign) => ({
    weight: 0.5,
    mean: paperMixtureComponent.mean.map((x) => sign * x),
    covariance: paperMixtureComponent.covariance
  }))
)

/** A posterior, and what is asked of it. */
export interface Posterior {
  readonly name: string
  readonly target: Target
  readonly functionals: (chains: Chains) => Functionals
  /** Where chains begin, about; default anywhere. */
  readonly around?: ReadonlyArray<number>
}

const observed = (system: typeof vanDerPol, theta: ReadonlyArray<number>, start: ReadonlyArray<number>) => {
  const times = Array.from({ length: 20 }, (_, k) => 0.5 * (k + 1))
  const random = stream(key(system.name))
  const { states } = solveOrdinary(system, Float64Array.from(theta), { start, times })
  return {
    start,
    times,
    steps: 5,
    observations: states.map((x) => x + 0.25 * random.normal()),
    deviation: 0.25
  }
}

/** Posteriors of every kind that there is a target for. */
export const posteriors = Effect.gen(function* () {
  const data = pimaData()
  const design = yield* paperDesign(data)
  const wide = yield* makeDesign(data.rows, data.labels, { scale: "standardise" })
  const list: ReadonlyArray<Posterior> = [
    { name: `logistic, ${data.name}`, target: logisticRegression(design), functionals: coordinates },
    { name: `logistic, ${data.name}, squares`, target: logisticRegression(wide), functionals: squares },
    { name: `probit, ${data.name}`, target: probitRegression(wide), functionals: coordinates },
    { name: "Gaussian mixture, squares", target: paperMixture, functionals: squares },
    {
      name: "Gaussian mixture, x0 exp(x1)",
      target: paperMixture,
      functionals: (chains) => functional(chains, "x0 exp(x1)", ([x, y]) => x * Math.exp(y))
    },
    { name: "banana, 4 dimensions", target: banana({ dimensions: 4, spread: 4 }), functionals: coordinates },
    {
      name: "Van der Pol",
      target: odePosterior(vanDerPol, {
        ...observed(vanDerPol, [1], [2, 0]),
        prior: { mean: [0], deviation: [0.5] }
      }),
      functionals: (chains) => functional(chains, "mu", ([x]) => Math.exp(x)),
      // Far away the oscillator is stiff and the density flat.
      around: [0]
    },
    {
      name: "Lotka-Volterra",
      target: odePosterior(lotkaVolterra, {
        ...observed(lotkaVolterra, [0.6, 0.025, 0.8, 0.025], [33, 6]),
        prior: { mean: [-0.5, -3.7, -0.2, -3.7], deviation: [0.5, 0.5, 0.5, 0.5] }
      }),
      functionals: coordinates,
      around: [-0.51, -3.69, -0.22, -3.69]
    }
  ]
  return list
})
