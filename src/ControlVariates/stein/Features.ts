import type { ScoredChains } from "../Chains.ts"

/** Leading features that make sense without the others. */
export interface Level {
  /** Total degree of the polynomials among them. */
  readonly degree: number
  readonly count: number
  /** Whether there are features among them that are no polynomials. */
  readonly isExtended: boolean
}

/** Features of zero mean under the target, made for any run of draws when they are needed. */
export interface Features {
  readonly count: number
  /** Ascending; the last has them all. */
  readonly levels: ReadonlyArray<Level>
  /** Writes the features of draws `first` .. `first + length - 1` (over all chains) to target, feature k from k * stride on. */
  readonly write: (first: number, length: number, target: Float64Array, stride: number) => void
}

/** Functions of zero mean under the target, to be evaluated on any chains of it. */
export interface FeatureFamily {
  readonly name: "polynomial" | "kernel" | "neural"
  readonly featuresOf: (chains: ScoredChains) => Features
}

/** Polynomials, then others beyond them. */
export const extended = (polynomials: Features, others: Omit<Features, "levels">): Features => {
  const count = polynomials.count + others.count
  const { degree } = polynomials.levels[polynomials.levels.length - 1]
  return {
    count,
    levels: [...polynomials.levels, { degree, count, isExtended: true }],
    write: (first, length, target, stride) => {
      polynomials.write(first, length, target, stride)
      others.write(first, length, target.subarray(polynomials.count * stride), stride)
    }
  }
}
