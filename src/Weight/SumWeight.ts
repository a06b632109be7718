import { Result, Schema } from "effect"
import { ShapeError, type Tensor } from "../Tensor/index.ts"
import { decodeDescription, type WeightCodec, type WeightCodecs, type WeightLayout } from "./Codec.ts"
import type { Weight } from "./Weight.ts"

/** W = W_0 + W_1 + ...; its tensors and indices are the parts', "0.left", "1.left", ... */
export interface SumWeight extends Weight {
  readonly format: "sum"
  readonly parts: ReadonlyArray<Weight>
}

/**
 * A sum of matrices of equal size in whatever formats, such as a Kronecker sum and a low-rank correction of it. Throws
 * `ShapeError` for no parts and parts of different sizes.
 *
 * @example
 *   const weight = sumWeight([kronecker, lowRank(left, right)])
 */
export const sumWeight = (parts: ReadonlyArray<Weight>): SumWeight => {
  const shapes = parts.map(({ inputs, outputs }) => [inputs, outputs])
  const first = parts.at(0)
  if (
    first === undefined ||
    parts.some(({ inputs, outputs }) => inputs !== first.inputs || outputs !== first.outputs)
  )
    throw new ShapeError({ operation: "sumWeight", reason: "needs parts of one size", shapes })
  const storedParameters = parts.reduce((sum, part) => sum + part.storedParameters, 0)
  const rest = parts.slice(1)
  return {
    format: "sum",
    parts,
    inputs: first.inputs,
    outputs: first.outputs,
    tensors: gathered(parts, (part) => part.tensors),
    indices: gathered(parts, (part) => part.indices),
    withTensors: (tensors) => sumWeight(parts.map((part, i) => part.withTensors(ofPart(tensors, i)))),
    apply: (t, x, bias) => rest.reduce((y, part) => t.add(y, part.apply(t, x)), first.apply(t, x, bias)),
    applyTransposed: (t, x) =>
      rest.reduce((y, part) => t.add(y, part.applyTransposed(t, x)), first.applyTransposed(t, x)),
    rows: (t, indices) => rest.reduce((y, part) => t.add(y, part.rows(t, indices)), first.rows(t, indices)),
    toDense: (t) => rest.reduce((y, part) => t.add(y, part.toDense(t)), first.toDense(t)),
    storedParameters,
    multiplyAdds: (rows) => parts.reduce((sum, part) => sum + part.multiplyAdds(rows), 0)
  }
}

const gathered = <A>(
  parts: ReadonlyArray<Weight>,
  recordOf: (part: Weight) => Readonly<Record<string, A>>
): Readonly<Record<string, A>> =>
  Object.fromEntries(
    parts.flatMap((part, i) =>
      Object.entries(recordOf(part)).map(([name, value]) => [`${i}.${name}`, value] as const)
    )
  )

// The entries of part i, under its own names.
const ofPart = <A>(record: Readonly<Record<string, A>>, i: number): Readonly<Record<string, A>> =>
  Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) =>
      name.startsWith(`${i}.`) ? [[name.slice(`${i}.`.length), value] as const] : []
    )
  )

const isSum = (weight: Weight): weight is SumWeight => weight.format === "sum" && "parts" in weight

const Description = Schema.Struct({
  parts: Schema.NonEmptyArray(
    Schema.StructWithRest(Schema.Struct({ format: Schema.String }), [
      Schema.Record(Schema.String, Schema.Json)
    ])
  )
})

/**
 * Sums in files: the tensors and indices of the parts under "0.", "1.", ..., and in the configuration the parts' formats and descriptions.
 * `codecs` are the formats that a part may have.
 */
export const sumCodec = (codecs: WeightCodecs): WeightCodec => ({
  format: "sum",
  describe: (weight) => ({
    parts: isSum(weight)
      ? weight.parts.map((part) => ({ ...codecs[part.format].describe(part), format: part.format }))
      : []
  }),
  layout: (description, inputs, outputs) =>
    Result.gen(function* () {
      const { parts } = yield* decodeDescription(Description, description)
      const layouts: Array<WeightLayout> = []
      for (const [i, { format, ...own }] of parts.entries()) {
        const codec = Object.hasOwn(codecs, format) ? codecs[format] : undefined
        if (codec === undefined)
          return yield* Result.fail(
            `part ${i} has the format "${format}"; a sum's parts are ${Object.keys(codecs).join(", ")}`
          )
        layouts.push(
          yield* Result.mapError(codec.layout(own, inputs, outputs), (reason) => `part ${i}: ${reason}`)
        )
      }
      const collected = <A>(recordOf: (layout: WeightLayout) => Readonly<Record<string, A>>) =>
        Object.fromEntries(
          layouts.flatMap((layout, i) =>
            Object.entries(recordOf(layout)).map(([name, value]) => [`${i}.${name}`, value] as const)
          )
        )
      return {
        tensors: collected((layout) => layout.tensors),
        indices: collected((layout) => layout.indices),
        assemble: (t, tensors: Readonly<Record<string, Tensor>>, indices) =>
          sumWeight(layouts.map((layout, i) => layout.assemble(t, ofPart(tensors, i), ofPart(indices, i))))
      } satisfies WeightLayout
    })
})
