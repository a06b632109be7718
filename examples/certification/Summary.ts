import {
  barChart,
  type Block,
  type Figure,
  figures,
  heatMap,
  lineChart,
  type Page,
  prose,
  table as tableBlock
} from "../../src/Report/index.ts"
import type { Certificate } from "../../src/UVIP/index.ts"
import type { Column } from "../console/Table.ts"
import type { Certified, Moment, Settings } from "./Moments.ts"
import { policyText } from "./PolicyList.ts"
import type { Grid, Problem } from "./Problems.ts"

const mean = (values: ArrayLike<number>): number => {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]
  return total / values.length
}

const nameOf = ({ candidate }: Moment): string => policyText(candidate.name)

/** One row a policy; means are over the states, or over the design points. */
export const columns: ReadonlyArray<Column<Moment>> = [
  { heading: "policy", cell: nameOf, align: "left" },
  { heading: "mean value", cell: ({ certificate }) => mean(certificate.value).toFixed(4) },
  { heading: "mean upper", cell: ({ certificate }) => mean(certificate.upper).toFixed(4) },
  { heading: "mean gap", cell: ({ certificate }) => mean(certificate.gap).toFixed(4) },
  { heading: "largest gap", cell: ({ certificate }) => certificate.maxGap.toFixed(4) },
  {
    heading: "simulator calls",
    cell: ({ certificate }) => certificate.simulatorCalls.toLocaleString("en")
  },
  { heading: "seconds", cell: ({ seconds }) => seconds.toFixed(2) }
]

const stateOf = ({ points, stateSize }: Certificate, point: number): number | ReadonlyArray<number> =>
  stateSize === 1 ? points[point] : [...points.subarray(point * stateSize, (point + 1) * stateSize)]

const statesOf = (certificate: Certificate, vstar: Float64Array | undefined) =>
  Array.from(certificate.value, (valuePi, point) => ({
    state: stateOf(certificate, point),
    valuePi,
    // From a simulator V^pi is an estimate, and gaps are from its lower limit.
    ...(certificate.confidence < 1 && { lower: certificate.lower[point] }),
    upper: certificate.upper[point],
    ...(vstar !== undefined && { vstar: vstar[point] })
  }))

/** The result as JSON: the last policy's certificate, and where there are several policies all of them by name. */
export const resultOf = ({ moments, vstar }: Certified, seconds: number) => {
  const all = moments.map((moment) => ({
    policy: nameOf(moment),
    states: statesOf(moment.certificate, vstar),
    maxGap: moment.certificate.maxGap,
    simulatorCalls: moment.certificate.simulatorCalls
  }))
  const { states, maxGap } = all[all.length - 1]
  return {
    states,
    maxGap,
    simulatorCalls: all.reduce((sum, one) => sum + one.simulatorCalls, 0),
    seconds,
    ...(all.length > 1 && { policies: all })
  }
}

const gapMap = (
  moment: Moment,
  { height, width, cells }: Grid,
  terminal: Uint8Array,
  largest: number
): Figure => {
  const { points, gap, maxGap } = moment.certificate
  return heatMap({
    title: nameOf(moment),
    description: `The gap of each state; the largest is ${maxGap.toFixed(4)}. Where episodes end there is none.`,
    rows: Array.from({ length: height }, (_, row) => String(row)),
    columns: Array.from({ length: width }, (_, column) => String(column)),
    cells: Array.from(gap, (value, point) => {
      const cell = cells[points[point]]
      return {
        row: String(Math.floor(cell / width)),
        column: String(cell % width),
        value,
        label: terminal[points[point]] === 1 ? "end" : value.toFixed(2)
      }
    }),
    value: { label: "upper - lower", domain: [0, largest] },
    width: Math.min(960, 160 + 56 * width),
    height: 130 + 44 * height
  })
}

const abscissa = {
  vi: "sweeps of value iteration",
  reinforce: "episodes",
  "actor-critic": "updates"
} as const

/** How much training each policy has had, where all are moments of one. */
const progressOf = (moments: ReadonlyArray<Moment>) => {
  const names = moments.map(({ candidate }) => candidate.name)
  const [first] = names
  if (!("amount" in first)) return undefined
  const amounts = names.flatMap((name) => (name.kind === first.kind && "amount" in name ? [name.amount] : []))
  return amounts.length === names.length ? { label: abscissa[first.kind], amounts } : undefined
}

const described = (moments: ReadonlyArray<Moment>): string =>
  moments.map((moment) => `${nameOf(moment)}: largest gap ${moment.certificate.maxGap.toFixed(4)}`).join("; ")

const closing = ({ moments, vstar }: Certified): Figure => {
  const description = described(moments)
  const progress = progressOf(moments)
  if (progress === undefined)
    return barChart({
      title: "The mean gap of each policy",
      description,
      value: { label: "mean over the states" },
      bars: moments.map((moment) => ({ name: nameOf(moment), value: mean(moment.certificate.gap) })),
      width: 760,
      height: 80 + 40 * moments.length
    })
  const series = (name: string, value: (moment: Moment) => number, isDashed = false) => ({
    name,
    points: moments.map((moment, i) => ({ x: progress.amounts[i], y: value(moment) })),
    isDashed
  })
  return lineChart({
    title: "How the gap closes",
    description,
    x: { label: progress.label },
    y: { label: "mean over the states" },
    series: [
      series("upper", ({ certificate }) => mean(certificate.upper)),
      series("value of the policy", ({ certificate }) => mean(certificate.value)),
      series("gap", ({ certificate }) => mean(certificate.gap)),
      ...(vstar === undefined ? [] : [series("optimal value", () => mean(vstar), true)])
    ],
    marksPoints: true,
    width: 760,
    height: 420
  })
}

/** States whose rows a page shows; the JSON has all. */
const rowsShown = 100

const number = (value: number): string => value.toFixed(4)

const statesTable = ({ moments, vstar }: Certified): Block => {
  const last = moments[moments.length - 1]
  const { certificate } = last
  return tableBlock(
    `${nameOf(last)}, the ${Math.min(rowsShown, certificate.gap.length)} states of largest gap`,
    [
      { heading: "state" },
      ...["value", "lower", "upper", "gap"].map((heading) => ({ heading, align: "right" as const })),
      ...(vstar === undefined ? [] : [{ heading: "optimal value", align: "right" as const }])
    ],
    [...certificate.gap.keys()]
      .toSorted((a, b) => certificate.gap[b] - certificate.gap[a])
      .slice(0, rowsShown)
      .map((point) => {
        const state = stateOf(certificate, point)
        return [
          typeof state === "number" ? String(state) : state.map((x) => x.toFixed(3)).join(", "),
          number(certificate.value[point]),
          number(certificate.lower[point]),
          number(certificate.upper[point]),
          number(certificate.gap[point]),
          ...(vstar === undefined ? [] : [number(vstar[point])])
        ]
      })
  )
}

/** What the figures rest on, in words. */
export const guaranteeText = (
  { confidence, guarantee }: Certificate,
  { coupling, simultaneous }: Pick<Settings, "coupling" | "simultaneous">
): string => {
  const percent = `${100 * confidence} %`
  if (confidence === 1) return `Proved from the model, with the ${coupling} coupling.`
  if (guarantee === "estimate")
    return `From a simulator, each limit meant for ${percent}: but upper values between design points are taken from the nearest ones, so this is an estimate, not a bound.`
  return simultaneous
    ? `From a simulator: all intervals hold at once with ${percent} confidence.`
    : `From a simulator: each interval by itself holds with ${percent} confidence.`
}

/** The certificates as a page. */
export const page = (problem: Problem, certified: Certified, settings: string): Page => {
  const { moments } = certified
  const largest = Math.max(...moments.map(({ certificate }) => certificate.maxGap), 1e-12)
  const grid =
    problem._tag === "tabular" && problem.grid !== undefined
      ? { of: problem.grid, terminal: problem.mdp.terminal }
      : undefined
  return {
    title: `How far from optimal? ${problem.name}`,
    summary: settings,
    sections: [
      {
        title: "Policies",
        blocks: [
          tableBlock(
            "Means over the states; a gap is at least the optimal value less the policy's",
            columns.map(({ heading, align }) => ({ heading, align: align ?? "right" })),
            moments.map((moment) => columns.map(({ cell }) => cell(moment)))
          ),
          ...(moments.length > 1 ? [figures(closing(certified))] : [])
        ]
      },
      ...(grid === undefined
        ? []
        : [
            {
              title: "The gap of each state",
              blocks: [figures(...moments.map((moment) => gapMap(moment, grid.of, grid.terminal, largest)))]
            }
          ]),
      { title: "States", blocks: [prose("Of the last policy."), statesTable(certified)] }
    ]
  }
}
