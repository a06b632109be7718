import { Schema } from "effect"
import { SideBySide } from "../../Model/SideBySide.ts"
import { Curve } from "../Curve.ts"
import { Row } from "../Journal.ts"
import { Plan } from "../Plan.ts"
import { WeightFacts } from "./WeightFacts.ts"

/** Everything that a report and a model card say of a compression, as it is stored beside the model. */
export const RunRecord = Schema.Struct({
  /** The name of the model that was compressed. */
  source: Schema.String,
  /** Its licence, as Hugging Face abbreviates it. */
  license: Schema.String,
  /** The command that made it, word for word. */
  command: Schema.String,
  /** The text that it was distilled on and judged by. */
  text: Schema.Struct({
    name: Schema.String,
    trainingTokens: Schema.Int,
    judgedTokens: Schema.Int,
    context: Schema.Int
  }),
  /** Updates of the distillation in all, and windows in each. */
  distillation: Schema.Struct({ steps: Schema.Int, rows: Schema.Int }),
  plan: Plan,
  rows: Schema.Array(Row),
  /** The names of the rows of the original and of the model that was written. */
  originalRow: Schema.String,
  resultRow: Schema.String,
  curves: Schema.Array(Curve),
  weights: Schema.Array(WeightFacts),
  /** The original and the result, each asked the same. */
  sideBySide: SideBySide
})
export type RunRecord = typeof RunRecord.Type

/** A row by its name. */
export const rowOf = ({ rows }: Pick<RunRecord, "rows">, name: string): Row | undefined =>
  rows.find((row) => row.name === name)

/** A share in per cent. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** A whole number with its thousands apart. */
export const grouped = (value: number): string => value.toLocaleString("en")
