import { concatenated, excerpt, excerptPieces } from "../../Model/TextSet.ts"
import type { Calibration } from "../Calibration.ts"

/** A calibration text in two: what fits are weighted by, and what they have not seen, by which they are judged. */
export interface CalibrationSplit {
  readonly fitting: Calibration
  readonly validation: Int32Array
}

/** Of each piece of the text the end is for validation, a quarter at most. */
const validationShare = 1 / 4
/** Tokens in a piece, at least. */
const pieceTokens = 512
/** Shorter texts judge themselves: what judges would be too little to go by. */
const leastTokens = 2048

/**
 * Fits follow the text that they are weighted by: on another, their divergence is a tenth to a fifth more, for some plans more than for others. So
 * sensitivities and rehearsals are judged by text that their fits have not seen: a quarter, and no more than `most` tokens, from everywhere in it.
 */
export const splitCalibration = (calibration: Calibration, most: number): CalibrationSplit => {
  const { tokens } = calibration
  if (tokens.length < leastTokens) return { fitting: calibration, validation: excerpt(tokens, most) }
  const share = Math.min(validationShare, most / tokens.length)
  // As many as an excerpt is made of: each is a passage.
  const count = Math.min(excerptPieces, Math.floor(tokens.length / pieceTokens))
  const bounds = Array.from({ length: count }, (_, i): readonly [number, number, number] => {
    const [start, end] = [
      Math.floor((i * tokens.length) / count),
      Math.floor(((i + 1) * tokens.length) / count)
    ]
    return [start, end - Math.floor(share * (end - start)), end]
  })
  return {
    fitting: {
      ...calibration,
      tokens: concatenated(bounds.map(([start, cut]) => tokens.subarray(start, cut)))
    },
    validation: concatenated(bounds.map(([, cut, end]) => tokens.subarray(cut, end)))
  }
}
