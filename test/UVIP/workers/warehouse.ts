import { isMainThread } from "node:worker_threads"
import { type Simulator, simulator } from "../../../src/UVIP/index.ts"

export interface WarehouseOptions {
  readonly shelves: number
  /** What becomes of the thread that asks for shelf 3. */
  readonly fault?: "throw" | "exit" | "load" | undefined
}

/** A robot between shelves, for `moduleSimulator`; its faults are for tests. */
export default ({ shelves, fault }: WarehouseOptions): Simulator => {
  if (fault === "load" && !isMainThread) throw new Error("the robots are asleep")
  return simulator({
    name: "warehouse",
    states: shelves,
    stateSize: 1,
    actions: 2,
    discount: 0.8,
    valueBounds: [0, 5],
    transition: ([shelf], action, random, next) => {
      if (shelf === 3 && fault === "throw") throw new Error("the shelf fell over")
      if (shelf === 3 && fault === "exit" && !isMainThread) process.exit(7)
      next[0] = (shelf + (action === 0 ? 1 : 2) + random.integer(2)) % shelves
      return { reward: shelf % 2 === action ? 1 : random.uniform() / 2, terminated: false }
    }
  })
}

export const noSimulator = () => 3
