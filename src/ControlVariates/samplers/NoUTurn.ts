import type { Stream } from "../../Random/index.ts"
import { checkCount } from "../Errors.ts"
import type { Kernel, Point, Tuning } from "./Kernel.ts"
import { divergence, drawMomentum, energyOf, leapfrog, type PhasePoint } from "./Leapfrog.ts"

/** A part of a trajectory, built outwards. */
interface Tree {
  readonly inner: PhasePoint
  readonly outer: PhasePoint
  /** Sum of the momenta. */
  readonly rho: Float64Array
  readonly proposal: Point
  readonly proposalEnergy: number
  /** ln of the sum of exp(start energy - energy). */
  readonly logWeight: number
  readonly acceptanceSum: number
  readonly evaluations: number
  /** Nothing made it end: no divergence, no U-turn inside. */
  readonly sound: boolean
  readonly divergent: boolean
}

const addLogs = (a: number, b: number): number =>
  a > b ? a + Math.log1p(Math.exp(b - a)) : b === -Infinity ? a : b + Math.log1p(Math.exp(a - b))

const sumOf = (a: Float64Array, b: Float64Array): Float64Array => {
  const sum = new Float64Array(a.length)
  for (let i = 0; i < sum.length; i++) sum[i] = a[i] + b[i]
  return sum
}

// Both ends still move apart: rho' M^-1 p > 0 (Betancourt 2017, arXiv 1701.02434, appendix A.4).
const movesApart = (
  a: Float64Array,
  b: Float64Array,
  rho: Float64Array,
  inverseMass: Float64Array
): boolean => {
  let [first, second] = [0, 0]
  for (let i = 0; i < rho.length; i++) {
    first += rho[i] * inverseMass[i] * a[i]
    second += rho[i] * inverseMass[i] * b[i]
  }
  return first > 0 && second > 0
}

// The whole, and each half with the first point of the other, which alone sees U-turns between the halves.
const noTurn = (
  first: { readonly inner: Float64Array; readonly outer: Float64Array; readonly rho: Float64Array },
  second: { readonly inner: Float64Array; readonly outer: Float64Array; readonly rho: Float64Array },
  { inverseMass }: Tuning
): boolean =>
  movesApart(first.inner, second.outer, sumOf(first.rho, second.rho), inverseMass) &&
  movesApart(first.inner, second.inner, sumOf(first.rho, second.inner), inverseMass) &&
  movesApart(first.outer, second.outer, sumOf(first.outer, second.rho), inverseMass)

const ends = ({ inner, outer, rho }: Tree) => ({ inner: inner.momentum, outer: outer.momentum, rho })

interface Building {
  readonly tuning: Tuning
  readonly random: Stream
  readonly startEnergy: number
}

function* grow(
  from: PhasePoint,
  depth: number,
  direction: number,
  building: Building
): Generator<Float64Array, Tree, Point> {
  const { tuning, random, startEnergy } = building
  if (depth === 0) {
    const next = yield* leapfrog(from, direction * tuning.stepSize, tuning.inverseMass)
    const energy = energyOf(next, tuning)
    const divergent = !(energy - startEnergy < divergence)
    return {
      inner: next,
      outer: next,
      rho: next.momentum,
      proposal: next,
      proposalEnergy: energy,
      logWeight: startEnergy - energy,
      acceptanceSum: Math.min(1, Math.exp(startEnergy - energy)),
      evaluations: 1,
      sound: !divergent,
      divergent
    }
  }
  const first = yield* grow(from, depth - 1, direction, building)
  if (!first.sound) return first
  const second = yield* grow(first.outer, depth - 1, direction, building)
  const logWeight = addLogs(first.logWeight, second.logWeight)
  const takeSecond = random.uniform() < Math.exp(second.logWeight - logWeight)
  return {
    inner: first.inner,
    outer: second.outer,
    rho: sumOf(first.rho, second.rho),
    proposal: takeSecond ? second.proposal : first.proposal,
    proposalEnergy: takeSecond ? second.proposalEnergy : first.proposalEnergy,
    logWeight,
    acceptanceSum: first.acceptanceSum + second.acceptanceSum,
    evaluations: first.evaluations + second.evaluations,
    sound: second.sound && noTurn(ends(first), ends(second), tuning),
    divergent: second.divergent
  }
}

/**
 * The no-U-turn sampler with multinomial weights and diagonal mass (Hoffman and Gelman 2014; Betancourt 2017): trajectories double, in random
 * directions, until they turn back, at most `maximumDepth` times (default 10). Aims at an acceptance of 0.8.
 * Throws a `ControlVariateOptionError` for a depth below 1.
 */
export const noUTurn = (options: { readonly maximumDepth?: number } = {}): Kernel => {
  const { maximumDepth = 10 } = options
  checkCount("maximumDepth", maximumDepth, 1, 30)
  return {
    name: "nuts",
    targetAcceptance: 0.8,
    *transition(point, tuning, random) {
      const start: PhasePoint = { ...point, momentum: drawMomentum(tuning, random) }
      const building = { tuning, random, startEnergy: energyOf(start, tuning) }
      // ends[0] lies backwards in time, ends[1] forwards.
      const outermost = [start, start]
      let rho = start.momentum
      let chosen: Point = point
      let energy = building.startEnergy
      let logWeight = 0
      let [acceptanceSum, evaluations] = [0, 0]
      let divergent = false
      for (let depth = 0; depth < maximumDepth; depth++) {
        const side = random.bernoulli(0.5) ? 1 : 0
        const tree = yield* grow(outermost[side], depth, side === 1 ? 1 : -1, building)
        acceptanceSum += tree.acceptanceSum
        evaluations += tree.evaluations
        divergent = tree.divergent
        if (!tree.sound) break
        // Biased progressive sampling prefers the new half, which is further away.
        if (random.uniform() < Math.exp(tree.logWeight - logWeight)) {
          chosen = tree.proposal
          energy = tree.proposalEnergy
        }
        logWeight = addLogs(logWeight, tree.logWeight)
        const old = { inner: outermost[1 - side].momentum, outer: outermost[side].momentum, rho }
        outermost[side] = tree.outer
        rho = sumOf(rho, tree.rho)
        if (!noTurn(old, ends(tree), tuning)) break
      }
      const { position, logDensity, score } = chosen
      return {
        position,
        logDensity,
        score,
        acceptance: acceptanceSum / evaluations,
        energy,
        evaluations,
        divergent
      }
    }
  }
}
