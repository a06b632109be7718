import { NumericalError } from "../../Tensor/index.ts"
import { ControlVariateOptionError } from "../Errors.ts"
import type { ScoredChains } from "../Chains.ts"

/**
 * The coordinates in which polynomials are formed: "given", as in the papers; "centred", around the mean, which spans the same
 * features and rounds less; "whitened", in which the draws have the identity as covariance, so that the features do not depend
 * on anybody's units.
 */
export type Coordinates = "given" | "centred" | "whitened"

/** An affine change of coordinates y = T^-1 (x - centre), and the scores T' s that go with it. */
export interface StandardCoordinates {
  readonly kind: Coordinates
  readonly centre: Float64Array
  /** Lower triangular T [dimensions, dimensions], T T' the covariance; undefined for the identity. */
  readonly transform: Float64Array | undefined
  /** Positions and scores of a run of draws, each [dimensions, stride] with dimension i from i * stride on. */
  readonly write: (
    chains: ScoredChains,
    first: number,
    length: number,
    x: Float64Array,
    s: Float64Array,
    stride: number
  ) => void
}

const meanOf = ({ dimensions, values }: ScoredChains): Float64Array => {
  const mean = new Float64Array(dimensions)
  const count = values.length / dimensions
  for (let i = 0; i < values.length; i += dimensions)
    for (let j = 0; j < dimensions; j++) mean[j] += values[i + j] / count
  return mean
}

const covarianceOf = ({ dimensions, values }: ScoredChains, mean: Float64Array): Float64Array => {
  const covariance = new Float64Array(dimensions * dimensions)
  const count = values.length / dimensions
  for (let i = 0; i < values.length; i += dimensions)
    for (let j = 0; j < dimensions; j++) {
      const difference = (values[i + j] - mean[j]) / count
      for (let k = 0; k <= j; k++) covariance[j * dimensions + k] += difference * (values[i + k] - mean[k])
    }
  return covariance
}

/** Lower triangular t with a = t t'; a [n, n], of which the lower triangle counts. */
const choleskyOf = (a: Float64Array, n: number): Float64Array => {
  const t = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let rest = a[i * n + j]
      for (let k = 0; k < j; k++) rest -= t[i * n + k] * t[j * n + k]
      if (j < i) t[i * n + j] = rest / t[j * n + j]
      else if (rest > 1e-12 * a[i * n + i]) t[i * n + i] = Math.sqrt(rest)
      else
        throw new NumericalError({
          operation: "whitened coordinates",
          reason: `dimension ${i} is a linear function of those before it, or constant; use coordinates "centred", or leave it out`
        })
    }
  return t
}

const kinds: ReadonlyArray<Coordinates> = ["given", "centred", "whitened"]

/** The coordinates of a kind for these chains; throws a `NumericalError` where they cannot be whitened. */
export const standardCoordinates = (chains: ScoredChains, kind: Coordinates): StandardCoordinates => {
  if (!kinds.includes(kind))
    throw new ControlVariateOptionError({ option: "coordinates", value: kind, expected: kinds.join(", ") })
  const { dimensions: d } = chains
  const centre = kind === "given" ? new Float64Array(d) : meanOf(chains)
  const transform = kind === "whitened" ? choleskyOf(covarianceOf(chains, centre), d) : undefined
  return {
    kind,
    centre,
    transform,
    write: ({ values, scores }, first, length, x, s, stride) => {
      for (let i = 0; i < d; i++)
        for (let t = 0, at = first * d + i; t < length; t++, at += d) {
          x[i * stride + t] = values[at] - centre[i]
          s[i * stride + t] = scores[at]
        }
      if (transform === undefined) return
      for (let t = 0; t < length; t++) {
        for (let i = 0; i < d; i++) {
          let rest = x[i * stride + t]
          for (let k = 0; k < i; k++) rest -= transform[i * d + k] * x[k * stride + t]
          x[i * stride + t] = rest / transform[i * d + i]
        }
        // T is lower triangular: row i of T' s needs the scores from i on only.
        for (let i = 0; i < d; i++) {
          let sum = 0
          for (let k = i; k < d; k++) sum += transform[k * d + i] * s[k * stride + t]
          s[i * stride + t] = sum
        }
      }
    }
  }
}

/** Positions x and scores s of a run of draws, each [dimensions, stride]; they last until the next run is read. */
export interface CoordinateBlock {
  readonly x: Float64Array
  readonly s: Float64Array
  readonly stride: number
}

/** Reads runs of draws, whose length may differ, in memory that is kept between them. */
export const coordinateBlocks = (
  coordinates: StandardCoordinates,
  chains: ScoredChains
): ((first: number, length: number) => CoordinateBlock) => {
  const d = chains.dimensions
  let stride = 0
  let x = new Float64Array(0)
  let s = new Float64Array(0)
  return (first, length) => {
    if (length > stride) {
      stride = length
      x = new Float64Array(d * stride)
      s = new Float64Array(d * stride)
    }
    coordinates.write(chains, first, length, x, s, stride)
    return { x, s, stride }
  }
}
