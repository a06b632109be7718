import {
  type Candidate,
  kroneckerSizes,
  lowRankCandidates,
  sumSizes,
  type Survey
} from "../../src/Compress/index.ts"

/** A way to compress. */
export interface Method {
  /** The sizes it may choose from; undefined for the mixed plan, which makes its own choice of formats (`mixedPlan`). */
  readonly candidates: ((survey: Survey) => ReadonlyArray<ReadonlyArray<Candidate>>) | undefined
  /** By what of the text the fits are weighted; weighted ones come one after the other, so that their plans can be rehearsed. */
  readonly weighted: "no" | "inputs" | "inputs-and-outputs"
  /** Whether the fit depends on the seed: permutations are searched by chance. */
  readonly searches: boolean
}

const each =
  (of: (weight: Survey["weights"][number]) => ReadonlyArray<Candidate>) =>
  ({ weights }: Survey): ReadonlyArray<ReadonlyArray<Candidate>> =>
    weights.map(of)

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

/** Errors of Kronecker sums are taken to be those of low ranks; the mixed plan knows them by trial too. */
export const methods: Readonly<Record<MethodName, Method>> = {
  svd: { candidates: each(lowRankCandidates), weighted: "no", searches: false },
  "whitened-svd": { candidates: each(lowRankCandidates), weighted: "inputs", searches: false },
  kronecker: { candidates: each(kroneckerSizes("none")), weighted: "no", searches: false },
  "kronecker-permuted": {
    candidates: each(kroneckerSizes("rows-and-columns")),
    weighted: "no",
    searches: true
  },
  "kronecker-weighted": { candidates: each(kroneckerSizes("none")), weighted: "inputs", searches: false },
  "kronecker-weighted-permuted": {
    candidates: each(kroneckerSizes("rows-and-columns")),
    weighted: "inputs",
    searches: true
  },
  "kronecker-low-rank": { candidates: each(sumSizes), weighted: "inputs", searches: true },
  mixed: { candidates: undefined, weighted: "inputs-and-outputs", searches: true }
}
