import type { Effect } from "effect"
import { type Key, stream } from "../../Random/index.ts"
import { attempt, MdpError } from "../Errors.ts"
import { buildMdp, type Mdp, type Outcome } from "../mdp/Mdp.ts"
import { type Cell, neighbour } from "./Grid.ts"

/** The maps of Gymnasium: S start, F frozen, H hole, G goal. */
export const frozenLakeMaps = {
  "4x4": ["SFFF", "FHFH", "FFFH", "HFFG"],
  "8x8": ["SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"]
} as const

export interface FrozenLakeOptions {
  readonly map?: keyof typeof frozenLakeMaps | ReadonlyArray<string> | undefined
  /** In [0, 1). Default 0.99. */
  readonly discount?: number | undefined
  /** Whether a step goes in the intended direction or to either side of it, a third each; default true. */
  readonly slippery?: boolean | undefined
  /** Paid on entering the goal; default 1. */
  readonly reward?: number | undefined
}

// 0 left, 1 down, 2 right, 3 up.
const directions: ReadonlyArray<Cell> = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0]
]

const checkMap = (rows: ReadonlyArray<string>): void => {
  const columns = rows[0]?.length ?? 0
  if (columns === 0) throw new MdpError({ reason: "FrozenLake: the map is empty" })
  rows.forEach((row, y) => {
    if (row.length !== columns)
      throw new MdpError({
        reason: `FrozenLake: row ${y} of the map has ${row.length} cells, row 0 has ${columns}`
      })
    const x = [...row].findIndex((cell) => !"SFHG".includes(cell))
    if (x >= 0)
      throw new MdpError({
        state: y * columns + x,
        reason: `FrozenLake: "${row[x]}" is no cell; use S, F, H and G`
      })
  })
}

/**
 * FrozenLake: a walk over ice to a goal between holes; both end the episode. States by rows; outcomes by next
 * state, so that under shared noise the actions mostly agree on where to go. Fails with `MdpError` for a bad map.
 */
export const frozenLake = (options: FrozenLakeOptions = {}): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() => {
    const { map = "4x4", discount = 0.99, slippery = true, reward = 1 } = options
    const rows = typeof map === "string" ? frozenLakeMaps[map] : map
    checkMap(rows)
    const [height, width] = [rows.length, rows[0].length]
    const cell = (state: number) => rows[Math.floor(state / width)][state % width]
    const states = height * width
    return buildMdp({
      states,
      actions: 4,
      discount,
      terminal: Array.from({ length: states }, (_, state) => state).filter((state) =>
        "HG".includes(cell(state))
      ),
      outcomes: (state, action) => {
        const turns = slippery ? [3, 0, 1] : [0]
        return turns
          .map((turn): Outcome => {
            const next = neighbour(state, directions[(action + turn) % 4], height, width)
            return [next, 1 / turns.length, cell(next) === "G" ? reward : 0]
          })
          .toSorted((a, b) => a[0] - b[0])
      }
    })
  })

/** Maps drawn until one can be crossed. */
const attempts = 10_000

const canBeCrossed = (cells: ReadonlyArray<string>, size: number): boolean => {
  const seen = new Set([0])
  for (const state of seen)
    for (const direction of directions) {
      const next = neighbour(state, direction, size, size)
      if (cells[next] !== "H") seen.add(next)
    }
  return seen.has(size * size - 1)
}

/**
 * A random square map on which frozen cells lead from the start, top left, to the goal, bottom right; a cell is frozen with the probability
 * `frozen`. Fails with `MdpError` where the size is below 2 or none of 10,000 maps can be crossed.
 */
export const randomFrozenLakeMap = (
  size: number,
  key: Key,
  frozen = 0.8
): Effect.Effect<ReadonlyArray<string>, MdpError> =>
  attempt<MdpError>()(() => {
    if (!(Number.isSafeInteger(size) && size >= 2))
      throw new MdpError({
        reason: `FrozenLake: a map's size must be a whole number of at least 2, not ${size}`
      })
    if (!(frozen >= 0 && frozen <= 1))
      throw new MdpError({ reason: `FrozenLake: the probability of ice must be in [0, 1], not ${frozen}` })
    const random = stream(key)
    for (let n = 0; n < attempts; n++) {
      const cells: Array<string> = Array.from({ length: size * size }, () =>
        random.bernoulli(frozen) ? "F" : "H"
      )
      cells[0] = "S"
      cells[size * size - 1] = "G"
      if (canBeCrossed(cells, size))
        return Array.from({ length: size }, (_, y) => cells.slice(y * size, (y + 1) * size).join(""))
    }
    throw new MdpError({
      reason: `FrozenLake: none of ${attempts} maps of size ${size} with ice of probability ${frozen} can be crossed; ask for more ice`
    })
  })
