import { Result, Schema } from "effect"
import type { Operations, Shape, Tensor } from "../Tensor/index.ts"
import type { Weight } from "./Weight.ts"

/** What config.json says of one weight beside its format: plain JSON, enough to know its tensors' names and shapes. */
export type WeightDescription = Readonly<Record<string, Schema.Json>>

/** What a file must hold for one weight, and how that becomes the weight. */
export interface WeightLayout {
  /** Shapes of the tensors, by their short names. */
  readonly tensors: Readonly<Record<string, Shape>>
  /** The index buffers, int32 [length] in the file. */
  readonly indices: Readonly<Record<string, IndexLayout>>
  /** Given tensors of these shapes and indices that passed their check. */
  readonly assemble: (
    t: Operations,
    tensors: Readonly<Record<string, Tensor>>,
    indices: Readonly<Record<string, Uint32Array>>
  ) => Weight
}

export interface IndexLayout {
  readonly length: number
  /** What is wrong with such indices, if anything. */
  readonly problem: (values: Uint32Array) => string | undefined
}

/**
 * How one weight format is stored: its tensors and index buffers under their short names, and a description of them. A model
 * is given the codecs of the formats it may meet; it knows none by itself.
 */
export interface WeightCodec {
  readonly format: string
  readonly describe: (weight: Weight) => WeightDescription
  /** The layout of a described weight [inputs, outputs], or what is wrong with the description, which may be anything. */
  readonly layout: (
    description: unknown,
    inputs: number,
    outputs: number
  ) => Result.Result<WeightLayout, string>
}

/** Codecs by format name. */
export type WeightCodecs = Readonly<Record<string, WeightCodec>>

/** A description checked against its schema; the failure says what does not fit. */
export const decodeDescription = <A>(
  schema: Schema.Decoder<A>,
  description: unknown
): Result.Result<A, string> =>
  Result.mapError(Schema.decodeUnknownResult(schema)(description), (error) => String(error))

/** What keeps indices from being a permutation of 0..length-1, if anything. */
export const permutationProblem = (values: Uint32Array): string | undefined => {
  const seen = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value >= values.length) return `index ${value} at ${i} is not below ${values.length}`
    if (seen[value] === 1) return `index ${value} appears twice, the second time at ${i}`
    seen[value] = 1
  }
  return undefined
}
