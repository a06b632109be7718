import type { Calibration } from "../Calibration.ts"

/** A calibration text in two: what fits are weighted by, and what they have not seen. */
export interface CalibrationSplit {
  readonly fitting: Calibration
  readonly judging: Int32Array
}

/** Of each piece of the text the last quarter judges; pieces are short enough that both parts come from everywhere. */
const judgingShare = 1 / 4
const pieces = { most: 24, tokens: 512 }
/** Shorter texts judge themselves. */
const leastTokens = 256

/**
 * Fits follow the text that they are weighted by: on another, their divergence is a tenth to a fifth more, and the more flexible format has the greater
 * surplus. So plans are compared by text that their fits have not seen.
 */
export const splitCalibration = (calibration: Calibration): CalibrationSplit => {
  const { tokens } = calibration
  if (tokens.length < leastTokens) return { fitting: calibration, judging: tokens }
  const count = Math.max(1, Math.min(pieces.most, Math.floor(tokens.length / pieces.tokens)))
  const bounds = Array.from({ length: count }, (_, i): readonly [number, number, number] => {
    const [start, end] = [
      Math.floor((i * tokens.length) / count),
      Math.floor(((i + 1) * tokens.length) / count)
    ]
    return [start, end - Math.floor(judgingShare * (end - start)), end]
  })
  return {
    fitting: { ...calibration, tokens: joined(bounds.map(([start, cut]) => tokens.subarray(start, cut))) },
    judging: joined(bounds.map(([, cut, end]) => tokens.subarray(cut, end)))
  }
}

const joined = (parts: ReadonlyArray<Int32Array>): Int32Array => {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
