import { fold, stream } from "../../Random/index.ts"
import type { Sampler } from "./Sampler.ts"
import { SeenRows } from "./SeenRows.ts"
import { uniformRow } from "./UniformRow.ts"
import { UnseenRows } from "./UnseenRows.ts"

/** Uniform points, none twice: what every other sampler has to beat. */
export const random: Sampler = {
  name: "random",
  start: ({ space, key }) => {
    const seen = new SeenRows()
    const unseen = new UnseenRows(space)
    return {
      propose: (history, count) => {
        seen.update(history)
        const numbers = stream(fold(key, history.told.length + history.pending.length))
        const rows: Array<Float64Array> = []
        while (rows.length < count) {
          const row = unseen.take(seen, numbers, () => uniformRow(space, numbers))
          if (row === undefined) break
          rows.push(row)
        }
        return rows
      }
    }
  }
}
