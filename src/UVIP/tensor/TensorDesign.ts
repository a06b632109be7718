import { upload } from "../../Tensor/Host.ts"
import type { Operations, Tensor } from "../../Tensor/index.ts"
import { type Design, type NearestOptions, originOfDesign } from "../sampled/Design.ts"
import { UvipOptionError } from "../Errors.ts"
import type { Simulator } from "../simulation/Simulator.ts"
import type { Tables } from "./TensorSimulator.ts"

/** Where rows lie among the points. */
export interface Places {
  /** int32 [rows, neighbours] */
  readonly points: Tensor
  /** [rows]; undefined where all are 0. */
  readonly margins: Tensor | undefined
}

/** A design as tensor operations. */
export interface TensorDesign {
  /** Numbers that a row takes at its widest. */
  readonly width: number
  readonly tables: (t: Operations) => Tables
  /** states: [rows] a coordinate. */
  readonly locate: (t: Operations, tables: Tables, states: ReadonlyArray<Tensor>) => Places
}

const ofTable = ({ points }: Design, { states = 0 }: Simulator): TensorDesign => {
  const pointOf = new Float64Array(states)
  points.forEach((state, point) => {
    pointOf[state] = point
  })
  return {
    width: 1,
    tables: (t) => ({ pointOf: upload(t.region, pointOf) }),
    locate: (t, { pointOf: table }, [state]) => ({
      points: t.reshape(t.cast(t.gather(table, t.cast(state, "int32")), "int32"), [-1, 1]),
      margins: undefined
    })
  }
}

/** Below every score that a point can have. */
const never = -1e30

const ofNearest = (options: NearestOptions): TensorDesign => {
  const { points, stateSize, neighbours = 1, lipschitz } = options
  const count = points.length / stateSize
  const scale = options.scale ?? Array.from({ length: stateSize }, () => 1)
  const scaled = Float64Array.from(points, (x, e) => x / scale[e % stateSize])
  const squares = Float64Array.from({ length: count }, (_, point) => {
    const own = scaled.subarray(point * stateSize, (point + 1) * stateSize)
    return own.reduce((sum, x) => sum + x * x, 0)
  })
  return {
    width: count,
    tables: (t) => ({
      points: upload(t.region, scaled, [count, stateSize]),
      squares: upload(t.region, squares, [1, count]),
      numbers: upload(
        t.region,
        Int32Array.from({ length: count }, (_, point) => point),
        [1, count]
      )
    }),
    locate: (t, tables, states) => {
      const columns = states.map((x, i) => t.reshape(t.multiply(x, 1 / scale[i]), [-1, 1]))
      const rows = t.concatenate(columns, 1)
      // |y - x|^2 = |y|^2 - (2 y x - |x|^2): the nearest point has the largest score.
      let scores = t.subtract(
        t.multiply(t.matmul(rows, tables.points, { transposeB: true }), 2),
        tables.squares
      )
      const found: Array<Tensor> = []
      let distance: Tensor | undefined
      for (let k = 0; k < neighbours; k++) {
        const point = t.argmax(scores)
        if (k + 1 < neighbours)
          scores = t.where(t.equal(tables.numbers, t.reshape(point, [-1, 1])), never, scores)
        found.push(t.reshape(point, [-1, 1]))
        if (lipschitz === undefined) continue
        // Of the point that was found, whether or not rounding let it be the nearest: that makes the bound one.
        const squared = t.sum(t.square(t.subtract(rows, t.gather(tables.points, point))), { axes: [1] })
        const own = t.sqrt(squared)
        distance = distance === undefined ? own : t.add(distance, own)
      }
      return {
        points: found.length === 1 ? found[0] : t.concatenate(found, 1),
        margins: distance === undefined ? undefined : t.multiply(distance, (lipschitz ?? 0) / neighbours)
      }
    }
  }
}

/** The design as tensor operations; throws a `UvipOptionError` where it is a function of someone's own. */
export const tensorDesignOf = (design: Design, simulator: Simulator): TensorDesign => {
  const origin = originOfDesign(design)
  if (origin === undefined)
    throw new UvipOptionError({
      option: "design",
      value: "a function",
      expected: "made by tableDesign or nearestDesign where draws are made on a backend"
    })
  return origin.kind === "table" ? ofTable(design, simulator) : ofNearest(origin.options)
}
