import { fold, type Key } from "../../Random/index.ts"
import type { Design } from "./Design.ts"
import {
  allocateTransitions,
  drawTransitions,
  firstRows,
  type Simulator,
  type Transitions
} from "../simulation/Simulator.ts"

/** Rows asked for at once, about. */
const batchRows = 16_384

/** How the noise of the actions hangs together in a simulator. */
export type Noise = "shared" | "independent"

/** Draws that came back for one action at a run of design points. */
export interface Batch {
  readonly action: number
  readonly rows: number
  /** [rows]: the design point asked. */
  readonly from: Int32Array
  readonly rewards: Float64Array
  readonly terminated: Uint8Array
  /** [rows, neighbours]: where the next state lies, and its margin; meaningless after termination. */
  readonly points: Int32Array
  readonly margins: Float64Array
}

/** A run of design points that are drawn for together, all actions in turn. */
export interface Block {
  readonly first: number
  readonly last: number
  readonly capacity: number
}

/** Cuts the design points into blocks; counts: [points, actions] draws. */
export const blocksOf = (counts: Int32Array, actions: number): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  const points = counts.length / actions
  for (let first = 0, last = 0; first < points; first = last) {
    let capacity = 0
    for (; last < points; last++) {
      let most = 0
      for (let a = 0; a < actions; a++) most = Math.max(most, counts[last * actions + a])
      if (last > first && capacity + most > batchRows) break
      capacity += most
    }
    blocks.push({ first, last, capacity })
  }
  return blocks
}

/** A simulator asked at design points; its buffers are used again from batch to batch, so a batch is only good until the next. */
export interface Sampler {
  readonly simulator: Simulator
  readonly design: Design
  /**
   * Draws counts[point, action] transitions from each design point of a block and hands them over action by action; without
   * `needsRewards` the rewards may be missing. Throws `SimulatorError`.
   */
  readonly draw: (
    block: Block,
    counts: Int32Array,
    noise: Noise,
    key: Key,
    use: (batch: Batch) => void,
    needsRewards?: boolean
  ) => void
}

interface Buffers {
  readonly capacity: number
  readonly states: Float64Array
  readonly chosen: Int32Array
  readonly from: Int32Array
  readonly answers: Transitions
  readonly points: Int32Array
  readonly margins: Float64Array
}

const allocate = (capacity: number, { stateSize }: Simulator, { neighbours }: Design): Buffers => ({
  capacity,
  states: new Float64Array(capacity * stateSize),
  chosen: new Int32Array(capacity),
  from: new Int32Array(capacity),
  answers: allocateTransitions(capacity, stateSize),
  points: new Int32Array(capacity * neighbours),
  margins: new Float64Array(capacity)
})

// Rows of one action: each design point as often as it is to be drawn from; how many rows.
const fillRows = (
  { states, from }: Buffers,
  points: Float64Array,
  stateSize: number,
  { first, last }: Block,
  countOf: (point: number) => number
): number => {
  let rows = 0
  for (let point = first; point < last; point++) {
    for (const end = rows + countOf(point); rows < end; rows++) {
      from[rows] = point
      for (let i = 0; i < stateSize; i++) states[rows * stateSize + i] = points[point * stateSize + i]
    }
  }
  return rows
}

export const sampler = (simulator: Simulator, design: Design): Sampler => {
  const { stateSize, actions } = simulator
  let buffers = allocate(0, simulator, design)
  return {
    simulator,
    design,
    draw: (block, counts, noise, key, use, needsRewards) => {
      if (buffers.capacity < block.capacity) buffers = allocate(block.capacity, simulator, design)
      const { states, chosen, from, answers, points, margins } = buffers
      const blockKey = fold(key, block.first)
      for (let action = 0; action < actions; action++) {
        const rows = fillRows(
          buffers,
          design.points,
          stateSize,
          block,
          (point) => counts[point * actions + action]
        )
        if (rows === 0) continue
        for (let row = 0; row < rows; row++) chosen[row] = action
        const into = rows === buffers.capacity ? answers : firstRows(answers, rows, stateSize)
        drawTransitions(
          simulator,
          rows === buffers.capacity ? states : states.subarray(0, rows * stateSize),
          rows === buffers.capacity ? chosen : chosen.subarray(0, rows),
          noise === "shared" ? blockKey : fold(blockKey, action),
          into,
          needsRewards
        )
        design.locate(into.nextStates, rows, { points, margins })
        use({ action, rows, from, rewards: into.rewards, terminated: into.terminated, points, margins })
      }
    }
  }
}
