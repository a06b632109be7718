import type { Effect } from "effect"
import { attempt, type MdpError } from "../Errors.ts"
import { buildMdp, type Mdp, type Outcome } from "../mdp/Mdp.ts"

// Walls stand where a row has a bar between two cells: column c is at position 2 c.
const rows = ["R: | : :G", " : | : : ", " : : : : ", " | : | : ", "Y| : |B: "]

/** Where R, G, Y and B are. */
const places: ReadonlyArray<readonly [row: number, column: number]> = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3]
]

const inTaxi = 4

export const taxiState = (row: number, column: number, passenger: number, destination: number): number =>
  ((row * 5 + column) * 5 + passenger) * 4 + destination

/**
 * Taxi (Dietterich, "Hierarchical reinforcement learning with the MAXQ value function decomposition", 2000), numbered as in Gymnasium: 500 states
 * and the end, state 500. Actions: 0 south, 1 north, 2 east, 3 west, 4 pick up, 5 drop off; -1 a step, -10 for a pick-up or drop-off
 * that is not possible, +20 for delivering.
 */
export const taxi = ({
  discount = 0.99
}: {
  readonly discount?: number | undefined
} = {}): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() =>
    buildMdp({
      states: 501,
      actions: 6,
      discount,
      terminal: [500],
      outcomes: (state, action) => {
        const destination = state % 4
        const passenger = Math.floor(state / 4) % 5
        const column = Math.floor(state / 20) % 5
        const row = Math.floor(state / 100)
        const isAt = (place: number) => places[place][0] === row && places[place][1] === column
        const go = (toRow: number, toColumn: number): ReadonlyArray<Outcome> => [
          [taxiState(toRow, toColumn, passenger, destination), 1, -1]
        ]
        switch (action) {
          case 0:
            return go(Math.min(row + 1, 4), column)
          case 1:
            return go(Math.max(row - 1, 0), column)
          case 2:
            return go(row, column < 4 && rows[row][2 * column + 1] === ":" ? column + 1 : column)
          case 3:
            return go(row, column > 0 && rows[row][2 * column - 1] === ":" ? column - 1 : column)
          case 4:
            return passenger !== inTaxi && isAt(passenger)
              ? [[taxiState(row, column, inTaxi, destination), 1, -1]]
              : [[state, 1, -10]]
          default: {
            if (passenger !== inTaxi) return [[state, 1, -10]]
            if (isAt(destination)) return [[500, 1, 20]]
            const place = places.findIndex((_, index) => isAt(index))
            return place < 0 ? [[state, 1, -10]] : [[taxiState(row, column, place, destination), 1, -1]]
          }
        }
      }
    })
  )
