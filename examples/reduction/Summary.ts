import { Diagnostics, type FittedFunctional, type Reduction } from "../../src/ControlVariates/index.ts"
import type { Column } from "../console/Table.ts"
import type { Source } from "./Sources.ts"

/** One functional of one set of chains, before and after. */
export interface Row {
  readonly name: string
  readonly mean: number
  readonly mcse: number
  readonly meanCv: number
  readonly mcseCv: number
  /** Ratio of the asymptotic variances. */
  readonly vrf: number
  /** Ratio of the variances of the chains' means; NaN for a single chain. */
  readonly vrfChains: number
  readonly rhat: number
  readonly essBulk: number
  readonly fitted: FittedFunctional
}

export interface Reduced {
  readonly source: Source
  readonly reduction: Reduction
  readonly rows: ReadonlyArray<Row>
  /** What is to be said against the data, the chains and the fits. */
  readonly warnings: ReadonlyArray<string>
  /** Of the reduction. */
  readonly seconds: number
}

export const reducedOf = (source: Source, reduction: Reduction, seconds: number): Reduced => ({
  source,
  reduction,
  seconds,
  warnings: [...source.notes, ...reduction.warnings.map(({ message }) => message)],
  rows: reduction.estimates.map((one, q) => {
    const series = source.functionals.values[q]
    const { chains } = source.chains
    return {
      name: one.name,
      mean: one.mean,
      mcse: one.mcse,
      meanCv: one.meanCv,
      mcseCv: one.mcseCv,
      vrf: one.varianceReduction,
      vrfChains: one.varianceReductionAcrossChains,
      rhat: Diagnostics.rhat(series, chains),
      essBulk: Diagnostics.essBulk(series, chains),
      fitted: one.fitted
    }
  })
})

/** The largest R-hat of a set of chains; NaN for a single chain. */
export const largestRhat = ({ rows }: Reduced): number =>
  rows.reduce((most, { rhat }) => (Number.isNaN(rhat) ? most : Math.max(most, rhat)), -Infinity)

export const leastEssBulk = ({ rows }: Reduced): number =>
  rows.reduce((least, { essBulk }) => Math.min(least, essBulk), Infinity)

const fitText = ({ objective, degree, windowWidth, ridge }: FittedFunctional): string =>
  `${objective}, degree ${degree}${objective === "esvm" ? `, window ${windowWidth}` : ""}${ridge > 0 ? `, ridge ${ridge}` : ""}`

/** As many digits of a mean as its error leaves certain. */
const meanText = (mean: number, error: number): string => {
  if (!(error > 0)) return String(mean)
  const decimals = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(error))))
  return mean.toFixed(decimals)
}

const factorText = (factor: number): string =>
  Number.isNaN(factor)
    ? "-"
    : factor >= 1e9
      ? factor.toExponential(1)
      : factor >= 1000
        ? Math.round(factor).toLocaleString("en")
        : factor.toPrecision(3)

export const columns: ReadonlyArray<Column<Row>> = [
  { heading: "functional", cell: ({ name }) => name, align: "left" },
  { heading: "mean", cell: ({ mean, mcse }) => meanText(mean, mcse) },
  { heading: "+/-", cell: ({ mcse }) => mcse.toPrecision(2) },
  { heading: "reduced mean", cell: ({ meanCv, mcseCv }) => meanText(meanCv, mcseCv) },
  { heading: "+/-", cell: ({ mcseCv }) => mcseCv.toPrecision(2) },
  { heading: "VRF", cell: ({ vrf }) => factorText(vrf) },
  { heading: "VRF, chains", cell: ({ vrfChains }) => factorText(vrfChains) },
  { heading: "R-hat", cell: ({ rhat }) => (Number.isNaN(rhat) ? "-" : rhat.toFixed(3)) },
  { heading: "bulk ESS", cell: ({ essBulk }) => essBulk.toFixed(0) },
  { heading: "control variate", cell: ({ fitted }) => fitText(fitted), align: "left" }
]

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

/** What --json prints of one set of chains; a number that there is none of (a single chain's R-hat) is null. */
export const resultOf = (reduced: Reduced, seconds: number) => ({
  functionals: reduced.rows.map((row) => ({
    name: row.name,
    mean: row.mean,
    mcse: row.mcse,
    meanCv: row.meanCv,
    mcseCv: row.mcseCv,
    vrf: finite(row.vrf),
    vrfChains: finite(row.vrfChains),
    coefficients: [...row.fitted.coefficients]
  })),
  rhat: finite(largestRhat(reduced)),
  essBulk: leastEssBulk(reduced),
  warnings: reduced.warnings,
  seconds
})

/** A sentence on what was done. */
export const headline = ({ source, seconds }: Reduced): string => {
  const { chains, draws, dimensions } = source.chains
  const { evaluations } = source
  const made =
    evaluations === undefined
      ? "given"
      : `by ${source.name} in ${source.seconds.toFixed(2)} s, ${evaluations.toLocaleString("en")} evaluations`
  return `${chains} chain${chains === 1 ? "" : "s"} of ${draws.toLocaleString("en")} draws in ${dimensions} dimensions, ${made}; reduced in ${seconds.toFixed(2)} s`
}
