import { Effect, Schema } from "effect"

const Size = Schema.Int.check(Schema.isGreaterThan(0))
const Pair = Schema.Tuple([Size, Size])

/**
 * Which sides of a Kronecker sum's matrix are put into another order, each at the price of an index buffer; or "free" for the two weights of
 * an MLP: their hidden units share one order, which costs nothing.
 */
export const Permute = Schema.Literals(["none", "rows", "columns", "rows-and-columns", "free"])
export type Permute = typeof Permute.Type

/**
 * A sum of `terms` Kronecker products left (x) right, with the permutations that may come with it, and where a `rank` is given a
 * matrix of that rank beside it.
 */
export const KroneckerPlan = Schema.Struct({
  format: Schema.Literal("kronecker"),
  terms: Size,
  left: Pair,
  right: Pair,
  permute: Permute,
  rank: Schema.optionalKey(Size)
})
export type KroneckerPlan = typeof KroneckerPlan.Type

/** A product of [inputs, rank] and [rank, outputs]. */
export const LowRankPlan = Schema.Struct({ format: Schema.Literal("low-rank"), rank: Size })
export type LowRankPlan = typeof LowRankPlan.Type

/** A TT-matrix of the rows m_1 ... m_d and the columns n_1 ... n_d, no rank above `rank`. */
export const TensorTrainPlan = Schema.Struct({
  format: Schema.Literal("tensor-train"),
  inputs: Schema.NonEmptyArray(Size),
  outputs: Schema.NonEmptyArray(Size),
  rank: Size
})
export type TensorTrainPlan = typeof TensorTrainPlan.Type

export const WeightPlan = Schema.Union([KroneckerPlan, LowRankPlan, TensorTrainPlan])
export type WeightPlan = typeof WeightPlan.Type

const Share = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const Positive = Schema.Finite.check(Schema.isGreaterThan(0))

/** How one stage is distilled where it differs from the run's settings. */
export const StageDistillation = Schema.Struct({
  /** Updates; default: an equal part of those that the stages without a number of their own share. */
  steps: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  /** The schedule's peak. */
  learningRate: Schema.optionalKey(Positive),
  /** What the parts of the loss count. */
  loss: Schema.optionalKey(
    Schema.Struct({
      crossEntropy: Schema.optionalKey(Share),
      divergence: Schema.optionalKey(Share),
      temperature: Schema.optionalKey(Positive),
      hidden: Schema.optionalKey(Share)
    })
  )
})
export type StageDistillation = typeof StageDistillation.Type

/** Weights that are replaced together, and then distilled together. */
export const Stage = Schema.Struct({
  name: Schema.String,
  distillation: Schema.optionalKey(StageDistillation),
  /** By the names of the weights, such as "wte" and "h.1.mlp.c_fc". */
  weights: Schema.Record(Schema.String, WeightPlan)
})
export type Stage = typeof Stage.Type

/** What becomes of which weight, in which order; a later stage may take a weight up again. */
export const Plan = Schema.Struct({ version: Schema.Literal(1), stages: Schema.NonEmptyArray(Stage) })
export type Plan = typeof Plan.Type

/** A plan that does not fit the model, or is not a plan; `weight` names the entry at fault. */
export class PlanError extends Schema.TaggedError<PlanError>()("PlanError", {
  weight: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `plan${this.weight === "" ? "" : `, ${this.weight}`}: ${this.reason}`
  }
}

/** A plan from a file's text. */
export const parse = (json: string): Effect.Effect<Plan, PlanError> =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(Plan))(json).pipe(
    Effect.mapError((error) => new PlanError({ weight: "", reason: error.message }))
  )

/** A plan as JSON, one line a weight. */
export const text = ({ version, stages }: Plan): string => {
  const lines = stages.map(({ name, distillation, weights }) => {
    const own = Object.entries(weights).map(
      ([weight, plan]) => `        ${JSON.stringify(weight)}: ${JSON.stringify(plan)}`
    )
    const settings =
      distillation === undefined ? "" : `      "distillation": ${JSON.stringify(distillation)},\n`
    return `    {\n      "name": ${JSON.stringify(name)},\n${settings}      "weights": {\n${own.join(",\n")}\n      }\n    }`
  })
  return `{\n  "version": ${version},\n  "stages": [\n${lines.join(",\n")}\n  ]\n}`
}

/** Numbers that a planned weight will store, index buffers included; shape [inputs, outputs]. */
export const storedParameters = (plan: WeightPlan, shape: readonly [number, number]): number => {
  const [inputs, outputs] = shape
  if (plan.format === "low-rank") return plan.rank * (inputs + outputs)
  if (plan.format === "tensor-train") return tensorTrainParameters(plan)
  const factors = plan.terms * (plan.left[0] * plan.left[1] + plan.right[0] * plan.right[1])
  return factors + indexCount(plan, shape) + (plan.rank ?? 0) * (inputs + outputs)
}

/** The indices of permutations among these. */
export const indexCount = (plan: WeightPlan, [inputs, outputs]: readonly [number, number]): number =>
  plan.format === "kronecker"
    ? (plan.permute.includes("rows") ? inputs : 0) + (plan.permute.includes("columns") ? outputs : 0)
    : 0

/** Of ranks as large as `rank` and the unfoldings allow. */
const tensorTrainParameters = ({ inputs, outputs, rank }: TensorTrainPlan): number => {
  const modes = inputs.map((size, k) => size * outputs[k])
  const ranks = [1]
  for (const size of modes.slice(0, -1)) ranks.push(Math.min(rank, ranks[ranks.length - 1] * size))
  let [total, after] = [0, 1]
  for (let k = modes.length - 1; k >= 0; k--) {
    const before = Math.min(ranks[k], modes[k] * after)
    total += before * modes[k] * after
    after = before
  }
  return total
}

/** What is wrong with the sizes of a plan for a weight [inputs, outputs], if anything. */
const sizeProblem = (plan: WeightPlan, shape: readonly [number, number]): string | undefined => {
  const [inputs, outputs] = shape
  if (plan.format === "tensor-train") {
    const [m, n] = [plan.inputs, plan.outputs].map((sizes) => sizes.reduce((all, size) => all * size, 1))
    if (plan.inputs.length !== plan.outputs.length || m !== inputs || n !== outputs)
      return `inputs [${plan.inputs}] and outputs [${plan.outputs}] make [${m}, ${n}], the weight is [${shape}]; as many of one as of the other are needed`
    return undefined
  }
  const { rank = 0 } = plan
  if (rank > Math.min(inputs, outputs)) return `rank ${rank} exceeds the smaller side of [${shape}]`
  if (plan.format === "low-rank") return undefined
  const { left, right } = plan
  return left[0] * right[0] === inputs && left[1] * right[1] === outputs
    ? undefined
    : `left [${left}] (x) right [${right}] is [${left[0] * right[0]}, ${left[1] * right[1]}], the weight is [${shape}]`
}

/** What is wrong with a free order, if anything: both weights of an MLP have to agree to it. */
const freeOrderProblem = (
  name: string,
  plan: WeightPlan,
  all: Readonly<Record<string, WeightPlan>>
): string | undefined => {
  if (plan.format !== "kronecker" || plan.permute !== "free") return undefined
  const [, mlp, part] = /^(h\.\d+\.mlp)\.(c_fc|c_proj)$/.exec(name) ?? []
  const other = mlp && `${mlp}.${part === "c_fc" ? "c_proj" : "c_fc"}`
  const planned = other !== undefined && Object.hasOwn(all, other) ? all[other] : undefined
  return planned?.format === "kronecker" && planned.permute === "free"
    ? undefined
    : `a free order is one of the hidden units that c_fc and c_proj of an MLP share: ${other === undefined ? "this weight is neither" : `plan ${other} as a Kronecker sum with "permute": "free" too`}`
}

/** Fails with `PlanError` where an entry names no weight of the model or does not multiply to its shape. */
export const validate = (
  plan: Plan,
  shapes: Readonly<Record<string, readonly [number, number]>>
): Effect.Effect<void, PlanError> =>
  Effect.gen(function* () {
    for (const stage of plan.stages) {
      for (const [name, weight] of Object.entries(stage.weights)) {
        const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
        if (shape === undefined)
          return yield* new PlanError({
            weight: name,
            reason: `the model has no such weight; it has ${Object.keys(shapes).join(", ")}`
          })
        const reason = sizeProblem(weight, shape) ?? freeOrderProblem(name, weight, finalWeights(plan))
        if (reason !== undefined) return yield* new PlanError({ weight: name, reason })
      }
    }
  })

/** What each weight has become when all stages are done. */
export const finalWeights = (plan: Plan): Readonly<Record<string, WeightPlan>> =>
  Object.assign({}, ...plan.stages.map((stage) => stage.weights))

const mapWeights = (plan: Plan, change: (weight: WeightPlan, name: string) => WeightPlan): Plan => {
  const [first, ...rest] = plan.stages.map((stage) => ({
    ...stage,
    weights: Object.fromEntries(
      Object.entries(stage.weights).map(([name, weight]) => [name, change(weight, name)])
    )
  }))
  return { ...plan, stages: [first, ...rest] }
}

/**
 * The plan with another choice of permutations. A side whose right factor has size 1 is left alone: permuting it would
 * only permute the left factor.
 */
export const withPermute = (plan: Plan, permute: Permute): Plan =>
  mapWeights(plan, (weight) => {
    if (weight.format !== "kronecker") return weight
    if (permute === "free" && weight.right[0] > 1) return { ...weight, permute }
    const rows = permute.includes("rows") && weight.right[0] > 1
    // Where there is no free order, as for an embedding, its few columns are paid for.
    const columns = (permute.includes("columns") || permute === "free") && weight.right[1] > 1
    return {
      ...weight,
      permute: rows ? (columns ? "rows-and-columns" : "rows") : columns ? "columns" : "none"
    }
  })

/** The control: stage by stage and weight by weight, the truncated SVD that stores at most as many numbers as the plan's format. */
export const lowRankControl = (
  plan: Plan,
  shapes: Readonly<Record<string, readonly [number, number]>>
): Plan =>
  mapWeights(plan, (weight, name) => {
    if (weight.format === "low-rank") return weight
    const [inputs, outputs] = shapes[name]
    const rank = Math.floor(storedParameters(weight, shapes[name]) / (inputs + outputs))
    return { format: "low-rank", rank: Math.max(1, Math.min(rank, inputs, outputs)) }
  })
