import {
  type Candidate,
  type Family,
  kroneckerSizes,
  lowRankCandidates,
  mixedFamilies,
  sumSizes,
  type Survey
} from "../../src/Compress/index.ts"

/** A way to compress. */
export interface Method {
  /** The sizes it may choose from. */
  readonly families: (survey: Survey) => readonly [Family, ...ReadonlyArray<Family>]
  /** By what of the text the fits are weighted; weighted ones come one after the other, so that their plans can be rehearsed. */
  readonly weighted: "no" | "inputs" | "inputs-and-outputs"
  /** Whether the fit depends on the seed: permutations are searched by chance. */
  readonly searches: boolean
}

const each =
  (of: (weight: Survey["weights"][number]) => ReadonlyArray<Candidate>) =>
  ({ weights }: Survey): readonly [Family] => [weights.map(of)]

export const methodNames = [
  "svd",
  "whitened-svd",
  "kronecker",
  "kronecker-permuted",
  "kronecker-weighted",
  "kronecker-weighted-permuted",
  "kronecker-low-rank",
  "mixed"
] as const
export type MethodName = (typeof methodNames)[number]

/** `trials`: Kronecker sums with errors found by trial, for the mixed plan alone; the others' errors are taken to be those of low ranks. */
export const methods = (
  trials: Readonly<Record<string, ReadonlyArray<Candidate>>>
): Readonly<Record<MethodName, Method>> => ({
  svd: { families: each(lowRankCandidates), weighted: "no", searches: false },
  "whitened-svd": { families: each(lowRankCandidates), weighted: "inputs", searches: false },
  kronecker: { families: each(kroneckerSizes("none")), weighted: "no", searches: false },
  "kronecker-permuted": {
    families: each(kroneckerSizes("rows-and-columns")),
    weighted: "no",
    searches: true
  },
  "kronecker-weighted": { families: each(kroneckerSizes("none")), weighted: "inputs", searches: false },
  "kronecker-weighted-permuted": {
    families: each(kroneckerSizes("rows-and-columns")),
    weighted: "inputs",
    searches: true
  },
  "kronecker-low-rank": { families: each(sumSizes), weighted: "inputs", searches: true },
  mixed: {
    families: ({ weights }) => mixedFamilies(weights, trials),
    weighted: "inputs-and-outputs",
    searches: true
  }
})
