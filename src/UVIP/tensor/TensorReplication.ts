import { Effect } from "effect"
import { fold, type Key, stream } from "../../Random/index.ts"
import { upload } from "../../Tensor/Host.ts"
import { type Backend, compute, type Operations, Tensor, type TensorError } from "../../Tensor/index.ts"
import { SimulatorError, UvipOptionError } from "../Errors.ts"
import { startOf, type ReplicationProblem, type ReplicationState } from "../sampled/Replication.ts"
import type { TensorDesign } from "./TensorDesign.ts"
import type { Tables, TensorSimulator } from "./TensorSimulator.ts"

/** A problem whose simulator and design are on the device. */
export interface TensorSampler {
  readonly simulator: TensorSimulator
  readonly design: TensorDesign
  readonly tables: {
    readonly simulator: Tables
    readonly design: Tables
    readonly points: ReadonlyArray<Tensor>
  }
}

/** Numbers of one tensor at the most, about: 64 MiB in float32. */
const largestTensor = 2 ** 24

/** Draws that share one base; sums of so many are safe in float32, and longer ones are made on the host. */
const longestGroup = 256

// Multiples of 2^-23: the sum of two of them, below 2, is exact in float32.
const grid = 2 ** 23
const uniforms = (key: Key, count: number): Float64Array => {
  const random = stream(key)
  return Float64Array.from({ length: count }, () => Math.floor(random.uniform() * grid) / grid)
}

/** Some draws from one design point each, made together. */
interface Groups {
  /** [groups]: the design point. */
  readonly points: Int32Array
  /** Draws of each. */
  readonly draws: number
}

/** Of each action the groups of its draws: as many whole groups as hold at least its counts; counts: [points, actions]. */
const groupsOf = (counts: Int32Array, actions: number): ReadonlyArray<Groups> => {
  const draws = Math.min(
    longestGroup,
    counts.reduce((a, b) => Math.min(a, b))
  )
  return Array.from({ length: actions }, (_, action) => {
    const points: Array<number> = []
    for (let point = 0; point < counts.length / actions; point++)
      for (let n = 0; n < counts[point * actions + action]; n += draws) points.push(point)
    return { points: Int32Array.from(points), draws }
  })
}

/** The noise of a run of groups: [groups * draws] for each number that a transition takes. */
const noiseOf = (
  t: Operations,
  base: ReadonlyArray<Tensor>,
  keys: Key,
  groups: number
): ReadonlyArray<Tensor> =>
  base.map((own, i) => {
    const shifts = upload(t.region, uniforms(fold(keys, i), groups), [groups, 1])
    const moved = t.add(own, shifts)
    return t.reshape(t.subtract(moved, t.floor(moved)), [-1])
  })

interface Draws {
  /** [rows]: of the values asked for, at the next state; 0 after the end. */
  readonly values: Tensor
  readonly rewards: Tensor
}

// values: [points]
const drawsOf = (
  t: Operations,
  { simulator, design, tables }: TensorSampler,
  values: Tensor,
  action: number,
  points: Tensor,
  draws: number,
  noise: ReadonlyArray<Tensor>,
  discount: number | undefined
): Draws => {
  const groups = points.shape[0]
  const states = tables.points.map((column) =>
    t.reshape(t.broadcastTo(t.reshape(t.gather(column, points), [groups, 1]), [groups, draws]), [-1])
  )
  const { nextStates, rewards, goesOn } = simulator.transition(t, tables.simulator, states, action, noise)
  const places = design.locate(t, tables.design, nextStates)
  const found = t.mean(t.gather(values, places.points), { axes: [1] })
  // Margins belong to the reference's part of a value, where they are discounted.
  const whole =
    discount === undefined || places.margins === undefined
      ? found
      : t.add(found, t.multiply(places.margins, discount))
  // Next states that are no numbers would be placed somewhere: they must show in the rewards.
  const checked =
    discount === undefined ? rewards : nextStates.reduce((sum, x) => t.add(sum, t.multiply(x, 0)), rewards)
  return { values: t.multiply(whole, goesOn), rewards: checked }
}

/** Groups that fit into one tensor. */
const groupsAtOnce = (sampler: TensorSampler, groups: number, draws: number): number => {
  const width = Math.max(sampler.simulator.width, sampler.design.width, sampler.simulator.host.stateSize)
  return Math.max(1, Math.min(groups, Math.floor(largestTensor / (width * draws))))
}

const baseOf = (t: Operations, size: number, draws: number, key: Key): ReadonlyArray<Tensor> =>
  Array.from({ length: size }, (_, i) =>
    upload(t.region, uniforms(fold(fold(key, "base"), i), draws), [1, draws])
  )

/** A run of an action's groups that is drawn at once. */
interface Piece {
  readonly action: number
  readonly points: Int32Array
  readonly draws: number
  readonly key: Key
}

/** The pieces that an action's groups are cut into, each within the device's memory. */
const piecesOf = (
  sampler: TensorSampler,
  { points, draws }: Groups,
  action: number,
  key: Key
): ReadonlyArray<Piece> => {
  const most = groupsAtOnce(sampler, points.length, draws)
  return Array.from({ length: Math.ceil(points.length / most) }, (_, n) => ({
    action,
    points: points.subarray(n * most, (n + 1) * most),
    draws,
    key: fold(key, n)
  }))
}

/** Pieces one after another, as many as make a large one together: each read of a device waits for all that was asked of it. */
const inBatches = (pieces: ReadonlyArray<Piece>, atOnce: number): ReadonlyArray<ReadonlyArray<Piece>> => {
  const batches: Array<Array<Piece>> = []
  let groups = Infinity
  for (const piece of pieces) {
    groups += piece.points.length
    if (groups <= atOnce) batches[batches.length - 1].push(piece)
    else {
      batches.push([piece])
      groups = piece.points.length
    }
  }
  return batches
}

const notFinite = (
  { simulator: { host } }: TensorSampler,
  { sampler: { design } }: ReplicationProblem,
  point: number,
  action: number
) =>
  new SimulatorError({
    simulator: host.name,
    state: Array.from(design.points.subarray(point * host.stateSize, (point + 1) * host.stateSize)),
    action,
    reason: "answers on the backend with numbers that are not finite"
  })

/** Means over the draws of each pair, [points, actions], of `values` at the next state, and of the reward where a discount is given. */
const meansOf = Effect.fnUntraced(function* (
  sampler: TensorSampler,
  problem: ReplicationProblem,
  values: Float64Array,
  counts: Int32Array,
  key: Key,
  discount: number | undefined
): Effect.fn.Return<
  { readonly means: Float64Array; readonly calls: number },
  TensorError | SimulatorError,
  Backend
> {
  const { actions } = sampler.simulator.host
  const groups = groupsOf(counts, actions)
  const pieces = groups.flatMap((own, action) =>
    piecesOf(sampler, own, action, problem.noise === "shared" ? key : fold(key, `action ${action}`))
  )
  const means = new Float64Array(counts.length)
  const made = new Float64Array(counts.length)
  const { draws } = groups[0]
  for (const batch of inBatches(pieces, groupsAtOnce(sampler, Infinity, draws))) {
    const sums = yield* compute((t) => {
      const all = upload(t.region, values)
      const bases = baseOf(t, sampler.simulator.noiseSize, draws, problem.key)
      const parts = batch.map(({ action, points, key: own }) =>
        t.tidy(() => {
          const noise = noiseOf(t, bases, own, points.length)
          const found = drawsOf(t, sampler, all, action, upload(t.region, points), draws, noise, discount)
          const whole = discount === undefined ? found.values : t.add(found.rewards, found.values)
          return t.sum(t.reshape(whole, [points.length, draws]), { axes: [1] })
        })
      )
      return parts.length === 1 ? parts[0] : t.concatenate(parts, 0)
    }).pipe(Effect.flatMap(Tensor.toArray), Effect.scoped)
    let at = 0
    for (const { action, points } of batch)
      for (const point of points) {
        if (!Number.isFinite(sums[at])) return yield* notFinite(sampler, problem, point, action)
        means[point * actions + action] += sums[at++]
        made[point * actions + action] += draws
      }
    yield* Effect.yieldNow
  }
  return {
    means: means.map((total, pair) => total / made[pair]),
    calls: made.reduce((a, b) => a + b, 0)
  }
})

/** The paper's estimate of a sweep, mean_j max_a z[a, j], on the device: [points]. */
const meansOfMaxima = Effect.fnUntraced(function* (
  sampler: TensorSampler,
  problem: ReplicationProblem,
  difference: Float64Array,
  base: Float64Array,
  key: Key
): Effect.fn.Return<{ readonly values: Float64Array; readonly calls: number }, TensorError, Backend> {
  const { actions } = sampler.simulator.host
  const count = difference.length
  const [{ points, draws }] = groupsOf(new Int32Array(count).fill(problem.sweepDraws), 1)
  const values = new Float64Array(count)
  const made = new Float64Array(count)
  const most = groupsAtOnce(sampler, points.length, draws)
  for (let first = 0; first < points.length; first += most) {
    const some = points.subarray(first, first + most)
    const sums = yield* compute((t) => {
      const here = upload(t.region, some)
      const differences = upload(t.region, difference)
      const bases = baseOf(t, sampler.simulator.noiseSize, draws, problem.key)
      let best: Tensor | undefined
      for (let action = 0; action < actions; action++) {
        const before = best
        best = t.tidy(() => {
          const own = fold(problem.noise === "shared" ? key : fold(key, `action ${action}`), first)
          const noise = noiseOf(t, bases, own, some.length)
          const found = drawsOf(t, sampler, differences, action, here, draws, noise, undefined)
          const means = Float64Array.from(some, (point) => base[point * actions + action])
          const z = t.add(
            t.reshape(found.values, [some.length, draws]),
            upload(t.region, means, [some.length, 1])
          )
          return before === undefined ? z : t.maximum(before, z)
        })
      }
      return t.sum(best ?? t.full([some.length, draws], 0), { axes: [1] })
    }).pipe(Effect.flatMap(Tensor.toArray), Effect.scoped)
    some.forEach((point, group) => {
      values[point] += sums[group]
      made[point] += draws
    })
    yield* Effect.yieldNow
  }
  return {
    values: values.map((sum, point) => sum / made[point]),
    calls: actions * made.reduce((a, b) => a + b, 0)
  }
})

/**
 * One replication to its end, as `replicate`, with all draws on the backend and the recursion on the host in float64. A whole number of groups of up to
 * 256 draws is made of each pair, so counts are rounded up.
 *
 * A group's uniform numbers are u_j + s modulo 1, with a base u_1, u_2, ... that is made once in a replication and a shift s that is fresh for
 * each group: so the device makes as many as it likes from what little is sent to it. The proof at `initReplication` asks of a sweep no more than
 * that each of its draws, given all that went before, has the law of the simulator: u_j + s modulo 1 is uniform given u_j and everything else
 * that the shift is independent of. How the draws of a sweep hang together among each other does not enter, and neither do
 * those of different sweeps: means are unbiased given the past, and the maximum is convex. Replications have bases of their own, and are independent.
 *
 * In float32, as most devices have it, the uniform numbers are multiples of 2^-23 and values carry relative errors of some 1e-6: the limits
 * are good to that. Fails with `TensorError`, with `SimulatorError` where answers are not finite, and with `UvipOptionError` for the estimator `sorted`, which needs sorting.
 */
export const replicateOnBackend = Effect.fnUntraced(function* (
  sampler: TensorSampler,
  problem: ReplicationProblem,
  sweeps: number
): Effect.fn.Return<ReplicationState, TensorError | SimulatorError | UvipOptionError, Backend> {
  const { reference, referenceDraws, estimator, sweepDraws } = problem
  const { actions, discount } = sampler.simulator.host
  if (estimator === "sorted")
    return yield* new UvipOptionError({
      option: "method",
      value: estimator,
      expected: "piloted, max-of-means or paper on a backend, which does not sort"
    })
  const start = yield* meansOf(
    sampler,
    problem,
    reference.map((value) => discount * value),
    referenceDraws,
    fold(problem.key, "reference"),
    discount
  )
  const base = start.means
  let simulatorCalls = start.calls
  let values = startOf(problem, base)
  const counts = new Int32Array(base.length).fill(sweepDraws)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const difference = values.map((value, x) => discount * (value - reference[x]))
    const key = fold(problem.key, sweep)
    if (estimator === "paper") {
      const found = yield* meansOfMaxima(sampler, problem, difference, base, key)
      simulatorCalls += found.calls
      values = found.values
    } else {
      const { means, calls } = yield* meansOf(sampler, problem, difference, counts, key, undefined)
      simulatorCalls += calls
      values = difference.map((_, x) => {
        let best = -Infinity
        for (let pair = x * actions; pair < (x + 1) * actions; pair++)
          best = Math.max(best, base[pair] + means[pair])
        return best
      })
    }
  }
  return { sweep: sweeps, values, base, simulatorCalls }
})
