import type { Effect } from "effect"
import { attempt, type MdpError } from "../Errors.ts"
import { buildMdp, type Mdp } from "../mdp/Mdp.ts"
import { type Cell, neighbour } from "./Grid.ts"

// 0 up, 1 right, 2 down, 3 left.
const directions: ReadonlyArray<Cell> = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1]
]

const start = 36
const goal = 47

/**
 * CliffWalking (Sutton and Barto, "Reinforcement Learning", example 6.6): 4 x 12 cells by rows, from state 36 to 47 along a cliff; -1 a step, and
 * -100 and back to the start for one over the edge.
 */
export const cliffWalking = ({
  discount = 0.99
}: {
  readonly discount?: number | undefined
} = {}): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() =>
    buildMdp({
      states: 48,
      actions: 4,
      discount,
      terminal: [goal],
      outcomes: (state, action) => {
        const next = neighbour(state, directions[action], 4, 12)
        return [next > start && next < goal ? [start, 1, -100] : [next, 1, -1]]
      }
    })
  )
