import { Effect } from "effect"
import * as Layers from "../src/Layers/index.ts"
import { key, stream } from "../src/Random/index.ts"
import { Backend } from "../src/Tensor/index.ts"
import { evaluate, pointwise, type TensorTrain, TensorTrains } from "../src/TensorTrain/index.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"

interface PeerRow {
  readonly peer: string
  readonly seconds: number
  readonly relativeError: number
  readonly numbers: number
  readonly evaluations?: number
}

interface PeerResult {
  readonly versions: ReadonlyArray<string>
  /** By the names of the rows. */
  readonly rows: Readonly<Record<string, ReadonlyArray<PeerRow>>>
}

const sumOf = (index: Int32Array, term: (i: number) => number): number => {
  let sum = 0
  for (let k = 0; k < index.length; k++) sum += term(index[k])
  return sum
}

/** Ackley's box at 32 points. */
const onGrid = (i: number): number => -32.768 + (65.536 * i) / 31

/** The functions that are approximated from their values: size^dimensions elements each. */
const functions: Record<string, { readonly size: number; readonly at: (index: Int32Array) => number }> = {
  "1 / (1 + sum i)": { size: 20, at: (index) => 1 / (1 + sumOf(index, (i) => i)) },
  "sqrt(1 + sum i²)": { size: 20, at: (index) => Math.sqrt(1 + sumOf(index, (i) => i * i)) },
  ackley: {
    size: 32,
    at: (index) => {
      const squares = sumOf(index, (i) => onGrid(i) ** 2) / index.length
      const waves = sumOf(index, (i) => Math.cos(2 * Math.PI * onGrid(i))) / index.length
      return 20 + Math.E - 20 * Math.exp(-0.2 * Math.sqrt(squares)) - Math.exp(waves)
    }
  }
}

const dimensions = 10
const rounding = { modes: Array.from({ length: 10 }, () => 20), rank: 30, share: 1e-10, tolerance: 1e-8 }
const crossTolerance = 1e-6

/** 1 / (1 + sum i) at all indices of size^count. */
const hilbert = (size: number, count: number): Float64Array =>
  new Float64Array(size ** count).map((_, e) => {
    let [sum, rest] = [1, e]
    for (; rest > 0; rest = Math.floor(rest / size)) sum += rest % size
    return 1 / sum
  })

/** What is decomposed: 1 / (1 + sum i) at all indices of 20^5 and of 8^4, and a sampled curve read as 2^20. */
const tensors: Record<
  string,
  { readonly modes: ReadonlyArray<number>; readonly values: () => Float64Array }
> = {
  "20^5": {
    modes: [20, 20, 20, 20, 20],
    values: () => hilbert(20, 5)
  },
  "8^4": {
    modes: [8, 8, 8, 8],
    values: () => hilbert(8, 4)
  },
  "2^20": {
    modes: Array.from({ length: 20 }, () => 2),
    values: () => new Float64Array(2 ** 20).map((_, e) => Math.sin(e / 1e4) + Math.sqrt(e + 1) / 1e3)
  }
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [difference, total] = [0, 0]
  for (let e = 0; e < a.length; e++) {
    difference += (a[e] - b[e]) ** 2
    total += b[e] ** 2
  }
  return Math.sqrt(difference / total)
}

/** The error at 10 000 random points that the approximation has not seen. */
const errorAtRandom = (train: TensorTrain, at: (index: Int32Array) => number): number => {
  const random = stream(key("fresh points"))
  const indices = Int32Array.from({ length: 10_000 * dimensions }, (_, e) =>
    random.integer(train.modes[e % dimensions])
  )
  const values = Float64Array.from({ length: 10_000 }, (_, row) =>
    at(indices.subarray(row * dimensions, (row + 1) * dimensions))
  )
  return distance(evaluate(train, indices), values)
}

/** The median seconds of some runs after the first, and what the last one gave. */
const measured = <A, E, R>(work: Effect.Effect<A, E, R>, seconds: number) =>
  Effect.gen(function* () {
    let result = yield* work
    const times: Array<number> = []
    const until = performance.now() + seconds * 1000
    while (times.length < 3 || performance.now() < until) {
      const start = performance.now()
      result = yield* work
      times.push((performance.now() - start) / 1000)
    }
    return { seconds: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)], result }
  })

interface Row {
  readonly name: string
  readonly seconds: number
  readonly relativeError: number
  /** In all cores. */
  readonly numbers: number
  readonly evaluations?: number
}

const shown = ({ name, seconds, relativeError, numbers, evaluations }: Row, who: string) => ({
  what: name,
  who,
  seconds,
  "relative error": relativeError,
  numbers,
  ...(evaluations === undefined ? {} : { evaluations })
})

/** What the peers decompose too. */
interface Decomposition {
  readonly name: string
  readonly tensor: string
  readonly modes: ReadonlyArray<number>
  readonly tolerance: number
  readonly ranks: ReadonlyArray<number>
}

/**
 * TT-SVD of 20^5, 8^4 and 2^20 numbers at three accuracies, rounding from rank 60 to 30 where the other 30 directions are there
 * twice and where they are small, and TT-cross of three functions of ten variables, against tensorly, teneva and torchTT at the
 * same accuracy and on as many threads (without torchTT's cross, which takes minutes).
 */
export const tensortrain = Effect.fn("bench.tensortrain")(
  function* (seconds: number) {
    const trains = yield* TensorTrains
    const { description } = yield* Backend
    const threads = Number(/(\d+) thread/.exec(description)?.[1] ?? 1)
    const own: Array<Row> = []
    const decompositions: Array<Decomposition> = []
    for (const [tensor, { modes, values: numbers }] of Object.entries(tensors)) {
      const values = numbers()
      for (const tolerance of [1e-3, 1e-6, 1e-10]) {
        const name = `TT-SVD of ${tensor} to ${tolerance.toExponential(0)}`
        const fit = yield* measured(trains.fromDense({ values, shape: modes }, { tolerance }), seconds)
        const relativeError = distance(yield* trains.toDense(fit.result), values)
        decompositions.push({ name, tensor, modes, tolerance, ranks: fit.result.ranks })
        own.push({ name, seconds: fit.seconds, relativeError, numbers: fit.result.storedParameters })
      }
    }
    const single = yield* trains.random(rounding.modes, rounding.rank, key(1))
    const other = yield* trains.scale(
      yield* trains.random(rounding.modes, rounding.rank, key(2)),
      rounding.share
    )
    for (const [name, more] of [
      ["round X + X", single],
      ["round X + 1e-10 Y", other]
    ] as const) {
      const sum = yield* trains.add(single, more)
      const rounded = yield* measured(trains.round(sum, { tolerance: rounding.tolerance }), seconds)
      own.push({
        name,
        seconds: rounded.seconds,
        relativeError:
          (yield* trains.norm(yield* trains.subtract(rounded.result, sum))) / (yield* trains.norm(sum)),
        numbers: rounded.result.storedParameters
      })
    }
    for (const [name, { size, at }] of Object.entries(functions)) {
      const modes = Array.from({ length: dimensions }, () => size)
      const { seconds: taken, result } = yield* measured(
        trains.fromFunction(modes, pointwise(at), { tolerance: crossTolerance }),
        seconds
      )
      own.push({
        name: `TT-cross ${name}`,
        seconds: taken,
        relativeError: errorAtRandom(result.train, at),
        numbers: result.train.storedParameters,
        evaluations: result.evaluations
      })
    }
    const sizes = Object.fromEntries(Object.entries(functions).map(([name, { size }]) => [name, size]))
    const peer = runPeer<PeerResult>("tensortrain", {
      decompositions,
      rounding,
      crossTolerance,
      dimensions,
      sizes,
      seconds,
      threads
    })
    const rows = own.flatMap((row) => {
      const others = isAbsent(peer) ? [] : (peer.rows[row.name] ?? [])
      return [
        shown(row, "tesserae"),
        ...others.map((other) => ({
          ...shown({ ...other, name: row.name }, other.peer),
          "times as long": other.seconds / row.seconds
        }))
      ]
    })
    return {
      name: "tensortrain",
      versions: [description, ...(isAbsent(peer) ? [`peers absent: ${peer.absent}`] : peer.versions)],
      rows
    } satisfies Report
  },
  Effect.provide([TensorTrains.layer, Layers.cpu()]),
  Effect.scoped
)
