import { fold, stream } from "../../Random/index.ts"
import type { Sampler } from "./Sampler.ts"
import { SeenRows } from "./SeenRows.ts"
import { SobolSequence, sobolDimensions } from "./sobol/SobolSequence.ts"
import { coordinateAt, uniformRow } from "./UniformRow.ts"
import { UnseenRows } from "./UnseenRows.ts"

/** Points of the sequence that may give nothing new before others are looked for. */
const mostSkipped = 1000

/**
 * Points that fill the space evenly: Sobol's sequence with a random digital shift, of which those points come first that are allowed and new. Of
 * more than 128 parameters the others are uniform.
 */
export const sobol: Sampler = {
  name: "sobol",
  start: ({ space, key }) => {
    const seen = new SeenRows()
    const unseen = new UnseenRows(space)
    const numbers = stream(fold(key, "shifts"))
    const sequence = new SobolSequence(
      Array.from({ length: Math.min(sobolDimensions, space.dimensions.length) }, () =>
        numbers.integer(2 ** 32)
      )
    )
    const row = (index: number): Float64Array => {
      const point = sequence.point(index)
      const others = stream(fold(key, index))
      return space.canonical(
        Float64Array.from(space.dimensions, (dimension, k) =>
          coordinateAt(dimension, point[k] ?? others.uniform())
        ),
        others
      )
    }
    // Of the points before this one none is left, given what was told: a cache, so that the sequence is not gone through from its start each time.
    let first = 0
    let told = 0
    return {
      propose: (history, count) => {
        if (seen.update({ told: history.told, pending: [] }) < told) first = 0
        told = history.told.length
        for (; first < mostSkipped * (told + 1); first++) {
          const next = row(first)
          if (!seen.has(next) && space.isAllowed(next)) break
        }
        seen.update(history)
        const rows: Array<Float64Array> = []
        for (let index = first, skipped = 0; rows.length < count && skipped < mostSkipped; index++) {
          const next = row(index)
          if (seen.has(next) || !space.isAllowed(next)) skipped++
          else {
            seen.add(next)
            rows.push(next)
          }
        }
        const random = stream(fold(fold(key, "rest"), history.told.length + history.pending.length))
        while (rows.length < count) {
          const next = unseen.take(seen, random, () => uniformRow(space, random))
          if (next === undefined) break
          rows.push(next)
        }
        return rows
      }
    }
  }
}
