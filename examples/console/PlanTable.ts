import type { BudgetPlan, Choice, Plan, PlanCounts } from "../../src/Compress/index.ts"
import { type Column, table } from "./Table.ts"

/** A planned format in a few words. */
export const formatText = (plan: Plan.WeightPlan | undefined): string => {
  if (plan === undefined) return "as it is"
  if (plan.format === "low-rank") return `rank ${plan.rank}`
  if (plan.format === "tensor-train")
    return `tensor train [${plan.inputs}] by [${plan.outputs}], rank ${plan.rank}`
  const [left, right] = [plan.left, plan.right].map((sides) => sides.join("x"))
  const rank = plan.rank === undefined ? "" : ` + rank ${plan.rank}`
  return `${plan.terms} of ${left} (x) ${right}${rank}, ${plan.permute === "none" ? "not permuted" : plan.permute}`
}

/** How many numbers a plan leaves, as lines of text. */
export const countLines = ({ stored, indices, withoutHead, withUntiedHead }: PlanCounts): string =>
  [
    `${stored.toLocaleString("en")} numbers stored, ${indices.toLocaleString("en")} of them indices of permutations`,
    `${withoutHead.toLocaleString("en")} without indices and without an output head of its own`,
    `${withUntiedHead.toLocaleString("en")} if the output head were untied and left as it is`
  ].join("\n")

const columns: ReadonlyArray<Column<Choice>> = [
  { heading: "weight", cell: ({ name }) => name, align: "left" },
  { heading: "format", cell: ({ chosen }) => formatText(chosen.plan), align: "left" },
  { heading: "stored", cell: ({ chosen }) => chosen.storedParameters.toLocaleString("en") },
  { heading: "predicted error", cell: ({ chosen }) => Math.sqrt(chosen.squaredError).toFixed(4) },
  { heading: "cost", cell: ({ cost }) => cost.toFixed(5) }
]

/** A plan for a budget as people read it: what becomes of each weight, and what that is foretold to cost. */
export const budgetPlanText = ({ choices, predictedDivergence, cost, lowerBound }: BudgetPlan): string =>
  `${table(choices, columns)}\n\nPredicted divergence ${predictedDivergence.toFixed(4)} nats a token, by a rehearsal of this plan. The costs, by which the numbers were shared out, add up to ${cost.toFixed(4)}; no other choice among the candidates costs less than ${lowerBound.toFixed(4)}.`

/** A plan that was given, whose errors nothing was measured for. */
export const givenPlanText = (plan: Plan.Plan): string =>
  plan.stages
    .map(({ name, weights }) =>
      [name, ...Object.entries(weights).map(([weight, of]) => `  ${weight}: ${formatText(of)}`)].join("\n")
    )
    .join("\n")
