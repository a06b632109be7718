import type { Permute, Plan, WeightPlan } from "./Plan.ts"
import { withPermute } from "./Plan.ts"

/** The sizes of a GPT-2 that a recipe depends on. */
export interface ModelSize {
  readonly vocabulary: number
  readonly width: number
  readonly hidden: number
  readonly layers: number
}

/**
 * The stages of TQCompressedGPT-2 (arXiv 2401.16367), scaled to the model's width: the token embedding to half its columns;
 * the MLPs of the odd layers to 4 terms of (width/2, hidden/4) (x) (2, 4) and back; the embedding again, to a quarter. The
 * output head stays tied to the embedding. Widths that are not multiples of 4 get the largest divisors there are.
 */
export const tq81 = (size: ModelSize, permute: Permute): Plan => {
  const { vocabulary, width, hidden, layers } = size
  const [narrow, wide] = [largestDivisor(width, 2), largestDivisor(hidden, 4)]
  const embedding = (factor: number): WeightPlan => ({
    format: "kronecker",
    terms: 1,
    left: [vocabulary, width / factor],
    right: [1, factor],
    permute
  })
  const odd = Array.from({ length: layers }, (_, i) => i).filter((i) => i % 2 === 1)
  const mlps = odd.flatMap(
    (i): ReadonlyArray<readonly [string, WeightPlan]> => [
      [
        `h.${i}.mlp.c_fc`,
        {
          format: "kronecker",
          terms: 4,
          left: [width / narrow, hidden / wide],
          right: [narrow, wide],
          permute
        }
      ],
      [
        `h.${i}.mlp.c_proj`,
        {
          format: "kronecker",
          terms: 4,
          left: [hidden / wide, width / narrow],
          right: [wide, narrow],
          permute
        }
      ]
    ]
  )
  return withPermute(
    {
      version: 1,
      stages: [
        { name: "embedding to a half", weights: { wte: embedding(largestDivisor(width, 2)) } },
        { name: "MLPs of odd layers", weights: Object.fromEntries(mlps) },
        { name: "embedding to a quarter", weights: { wte: embedding(largestDivisor(width, 4)) } }
      ]
    },
    permute
  )
}

const largestDivisor = (size: number, most: number): number => {
  let divisor = most
  while (size % divisor !== 0) divisor--
  return divisor
}
