/** A controller that scores each action by a linear function of the state and takes the largest. */
export interface LinearPolicy {
  readonly stateSize: number
  readonly actions: number
  /** [actions, stateSize + 1]; the last column is what a constant 1 is multiplied by. */
  readonly weights: Float64Array
  /** [stateSize]: each coordinate of a state is divided by its scale first. */
  readonly scale: Float64Array
}

/** The action with the largest score, the first of equal ones, for each row; states: [rows, stateSize], into: [rows]. */
export const chooseByScores = (
  { stateSize, actions, weights, scale }: LinearPolicy,
  states: Float64Array,
  rows: number,
  into: Int32Array
): void => {
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
