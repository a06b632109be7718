import type { ActingPolicy } from "./ActingPolicy.ts"
import { UvipOptionError } from "./Errors.ts"
import { policyMadeBy } from "./Origin.ts"

/** A controller that scores each action by a linear function of the state and takes the largest. */
export interface LinearPolicy {
  readonly stateSize: number
  readonly actions: number
  /** [actions, stateSize + 1]; the last column is what a constant 1 is multiplied by. */
  readonly weights: Float64Array
  /** [stateSize]: each coordinate of a state is divided by its scale first. */
  readonly scale: Float64Array
}

/** [stateSize] scales from an option; throws a `UvipOptionError` unless they are that many positive numbers. Default: all 1. */
export const scaleOf = (scale: ReadonlyArray<number> | undefined, stateSize: number): Float64Array => {
  const scales = Float64Array.from(scale ?? Array.from({ length: stateSize }, () => 1))
  if (scales.length !== stateSize || !scales.every((s) => s > 0 && s < Infinity))
    throw new UvipOptionError({ option: "scale", value: scale, expected: `${stateSize} positive numbers` })
  return scales
}

/** Acts by the largest score, the first of equal ones; it needs no noise. */
export const linearActing = (policy: LinearPolicy): ActingPolicy =>
  policyMadeBy(byScores(policy), { kind: "linear", policy })

const byScores = ({ stateSize, actions, weights, scale }: LinearPolicy): ActingPolicy => ({
  act: (states, rows, _, into) => {
    const width = stateSize + 1
    for (let row = 0; row < rows; row++) {
      let [chosen, largest] = [0, -Infinity]
      for (let action = 0; action < actions; action++) {
        let score = weights[action * width + stateSize]
        for (let i = 0; i < stateSize; i++)
          score += (weights[action * width + i] * states[row * stateSize + i]) / scale[i]
        if (score > largest) [chosen, largest] = [action, score]
      }
      into[row] = chosen
    }
  }
})
