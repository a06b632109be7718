import type { Effect } from "effect"
import { attempt, MdpError } from "../Errors.ts"
import { buildMdp, type Mdp, type Outcome } from "../mdp/Mdp.ts"
import { type Cell, neighbour } from "./Grid.ts"

export interface NRoomOptions {
  /** In a row, each open to the next by a door in the middle of the wall; default 5. */
  readonly rooms?: number | undefined
  /** Cells along a side of a room; default 5. */
  readonly roomSize?: number | undefined
  /** In [0, 1). Default 0.99. */
  readonly discount?: number | undefined
  /** Of a move going where it is meant to; else it goes one of the other three ways. Default 0.95. */
  readonly successProbability?: number | undefined
}

/** An NRoom problem and the cell of each of its states, to draw it by. */
export interface NRoom {
  readonly mdp: Mdp
  readonly height: number
  readonly width: number
  /** [states]: row * width + column. */
  readonly cells: Int32Array
  /** The middle of the middle room. */
  readonly start: number
}

// 0 left, 1 right, 2 down, 3 up.
const directions: ReadonlyArray<Cell> = [
  [0, -1],
  [0, 1],
  [1, 0],
  [-1, 0]
]

/**
 * NRoom, after rlberry's benchmark: rooms in a row, of which the last has the large reward, 1, in its middle, which ends the episode;
 * entering the middle of the first room pays 0.1, that of the middle room, where one starts, 0.01.
 */
export const nRoom = (options: NRoomOptions = {}): Effect.Effect<NRoom, MdpError> =>
  attempt<MdpError>()(() => {
    const { rooms = 5, roomSize = 5, discount = 0.99, successProbability = 0.95 } = options
    for (const [name, value] of Object.entries({ rooms, roomSize }))
      if (!(Number.isInteger(value) && value >= 1))
        throw new MdpError({ reason: `NRoom: ${name} must be a whole number of at least 1, not ${value}` })
    if (!(successProbability >= 0 && successProbability <= 1))
      throw new MdpError({
        reason: `NRoom: the success probability must be in [0, 1], not ${successProbability}`
      })
    const width = rooms * roomSize + rooms - 1
    const middle = Math.floor(roomSize / 2)
    const isWall = (row: number, column: number) => column % (roomSize + 1) === roomSize && row !== middle
    const cells = Array.from({ length: roomSize * width }, (_, cell) => cell).filter(
      (cell) => !isWall(Math.floor(cell / width), cell % width)
    )
    const stateOf = new Map(cells.map((cell, state) => [cell, state]))
    const centre = (room: number) => middle * width + room * (roomSize + 1) + middle
    const startRoom = Math.floor(rooms / 2)
    const goal = centre(rooms - 1)
    const rewardAt = new Map([
      [centre(startRoom), 0.01],
      [centre(0), 0.1],
      [goal, 1]
    ])
    const mdp = buildMdp({
      states: cells.length,
      actions: 4,
      discount,
      terminal: [stateOf.get(goal) ?? 0],
      outcomes: (state, action) =>
        directions.map((direction, taken): Outcome => {
          const cell = neighbour(cells[state], direction, roomSize, width, isWall)
          const probability = taken === action ? successProbability : (1 - successProbability) / 3
          return [stateOf.get(cell) ?? state, probability, rewardAt.get(cell) ?? 0]
        })
    })
    return {
      mdp,
      height: roomSize,
      width,
      cells: Int32Array.from(cells),
      start: stateOf.get(centre(startRoom)) ?? 0
    }
  })
