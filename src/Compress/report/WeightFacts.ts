import { Effect, Schema } from "effect"
import type { Gpt2 } from "../../Model/Gpt2.ts"
import { Backend, compute, Tensor, type TensorError } from "../../Tensor/index.ts"
import type { SumWeight, Weight } from "../../Weight/index.ts"
import { singularValues } from "./Spectrum.ts"

/** One singular value of a weight's matrix, before and after. */
export const SpectrumPoint = Schema.Struct({
  /** From 1, the greatest. */
  place: Schema.Int,
  original: Schema.Finite,
  kept: Schema.Finite
})
export type SpectrumPoint = typeof SpectrumPoint.Type

/** What has become of one weight. */
export const WeightFacts = Schema.Struct({
  name: Schema.String,
  inputs: Schema.Int,
  outputs: Schema.Int,
  format: Schema.String,
  /** The format in a word or two, and with its sizes. */
  label: Schema.String,
  description: Schema.String,
  storedParameters: Schema.Int,
  /** ||W - W'|| / ||W||, Frobenius; 0 for a weight that was left alone. */
  relativeError: Schema.Finite,
  /** At most about a hundred places; empty for a weight that was left alone. */
  spectrum: Schema.Array(SpectrumPoint)
})
export type WeightFacts = typeof WeightFacts.Type

/** The share of a matrix's numbers that its format stores. */
export const shareKept = ({ storedParameters, inputs, outputs }: WeightFacts): number =>
  storedParameters / (inputs * outputs)

const isSum = (weight: Weight): weight is SumWeight => weight.format === "sum" && "parts" in weight

const count = (terms: number): string => (terms === 1 ? "1 term" : `${terms} terms`)

/** A weight's format in words. */
export const formatWords = (weight: Weight): Pick<WeightFacts, "label" | "description"> => {
  if (isSum(weight)) {
    const parts = weight.parts.map(formatWords)
    return {
      label: parts.map(({ label }) => label).join(" + "),
      description: parts.map(({ description }) => description).join(" + ")
    }
  }
  const { left, right } = weight.tensors
  if (weight.format === "low-rank") {
    const rank = left.shape[1]
    return { label: `rank ${rank}`, description: `low rank, ${rank}` }
  }
  if (weight.format === "kronecker") {
    const [terms, ...sizes] = left.shape
    const sides = Object.keys(weight.indices)
    const permuted = sides.length === 0 ? "" : `, ${sides.join(" and ")} permuted`
    return {
      label: `Kronecker ${terms}`,
      description: `Kronecker, ${count(terms)} of [${sizes.join(", ")}] ⊗ [${right.shape.slice(1).join(", ")}]${permuted}`
    }
  }
  return { label: weight.format, description: weight.format }
}

const mostPlaces = 96

/** All of them, or the first eight and then evenly spaced ones. */
const placesOf = (length: number): ReadonlyArray<number> =>
  length <= mostPlaces
    ? Array.from({ length }, (_, i) => i)
    : [
        ...new Set([
          ...Array.from({ length: 8 }, (_, i) => i),
          ...Array.from({ length: mostPlaces }, (_, i) => Math.round((i * (length - 1)) / (mostPlaces - 1)))
        ])
      ].toSorted((a, b) => a - b)

/**
 * What has become of each weight of the original, in the order of the network: its format, what that stores, how far it is from
 * the original's matrix and which singular values it keeps. Works through one weight after the other, on the host.
 *
 * @example
 *   const facts = yield* weightFacts(original, compressed)
 */
export const weightFacts = Effect.fn("Compress.weightFacts")(function* (
  original: Gpt2,
  compressed: Gpt2
): Effect.fn.Return<ReadonlyArray<WeightFacts>, TensorError, Backend> {
  const facts: Array<WeightFacts> = []
  for (const [name, weight] of Object.entries(compressed.weights)) {
    // A head of its own, made from the tied one, is to be like that.
    const reference = original.weights[name] ?? original.weights.wte
    const { inputs, outputs, format, storedParameters } = weight
    const isLeft = weight === reference || format === "dense"
    const { relativeError, spectrum } = isLeft
      ? { relativeError: 0, spectrum: [] }
      : yield* distanceAndSpectrum(reference, weight)
    facts.push({
      name,
      inputs,
      outputs,
      format,
      ...formatWords(weight),
      storedParameters,
      relativeError,
      spectrum
    })
  }
  return facts
})

const matrixOf = (weight: Weight) =>
  Effect.scoped(
    Effect.flatMap(
      compute((t) => weight.toDense(t)),
      Tensor.toArray
    )
  )

const distanceAndSpectrum = Effect.fnUntraced(function* (reference: Weight, weight: Weight) {
  const { factorizations } = yield* Backend
  const { inputs, outputs } = weight
  const [before, after] = [yield* matrixOf(reference), yield* matrixOf(weight)]
  let [difference, total] = [0, 0]
  for (let e = 0; e < before.length; e++) {
    difference += (before[e] - after[e]) ** 2
    total += before[e] ** 2
  }
  const original = yield* singularValues(before, inputs, outputs, factorizations)
  const kept = yield* singularValues(after, inputs, outputs, factorizations)
  return {
    relativeError: total === 0 ? 0 : Math.sqrt(difference / total),
    spectrum: placesOf(original.length).map((i) => ({
      place: i + 1,
      original: Number(original[i].toPrecision(6)),
      kept: Number(kept[i].toPrecision(6))
    }))
  }
})
