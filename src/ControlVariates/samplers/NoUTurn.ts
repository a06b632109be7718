import { checkCount } from "../Errors.ts"
import { copyPoint, type Kernel, makePoint, type Point, type Tuning } from "./Kernel.ts"
import {
  copyPhasePoint,
  divergence,
  drawMomentum,
  energyOf,
  kick,
  kickAndDrift,
  makePhasePoint
} from "./Leapfrog.ts"

/** A part of a trajectory, built outwards; its arrays are exchanged rather than copied. */
interface Tree {
  /** Momentum of the point that was reached first. */
  inner: Float64Array
  /** Momentum of the point that was reached last. */
  outer: Float64Array
  /** Sum of the momenta. */
  rho: Float64Array
  proposal: Point
  proposalEnergy: number
  /** ln of the sum of exp(start energy - energy). */
  logWeight: number
}

const makeTree = (dimensions: number): Tree => ({
  inner: new Float64Array(dimensions),
  outer: new Float64Array(dimensions),
  rho: new Float64Array(dimensions),
  proposal: makePoint(dimensions),
  proposalEnergy: NaN,
  logWeight: -Infinity
})

const copy = (from: Float64Array, to: Float64Array): void => {
  for (let i = 0; i < from.length; i++) to[i] = from[i]
}

const addLogs = (a: number, b: number): number =>
  a > b ? a + Math.log1p(Math.exp(b - a)) : b === -Infinity ? a : b + Math.log1p(Math.exp(a - b))

// Both ends still move apart: rho' M^-1 p > 0, rho = r + s (Betancourt 2017, arXiv 1701.02434, appendix A.4).
const movesApart = (
  a: Float64Array,
  b: Float64Array,
  r: Float64Array,
  s: Float64Array,
  inverseMass: Float64Array
): boolean => {
  let [first, second] = [0, 0]
  for (let i = 0; i < r.length; i++) {
    const velocity = (r[i] + s[i]) * inverseMass[i]
    first += velocity * a[i]
    second += velocity * b[i]
  }
  return first > 0 && second > 0
}

type Ends = Pick<Tree, "inner" | "outer" | "rho">

// The whole, and each half with the first point of the other, which alone sees U-turns between the halves.
const noTurn = (first: Ends, second: Ends, { inverseMass }: Tuning): boolean =>
  movesApart(first.inner, second.outer, first.rho, second.rho, inverseMass) &&
  movesApart(first.inner, second.inner, first.rho, second.inner, inverseMass) &&
  movesApart(first.outer, second.outer, first.outer, second.rho, inverseMass)

/** Makes `second` the tree of both; says whether it has no U-turn. `first` is left with arrays to be overwritten. */
const merge = (first: Tree, second: Tree, tuning: Tuning, uniform: number): boolean => {
  const logWeight = addLogs(first.logWeight, second.logWeight)
  if (!(uniform < Math.exp(second.logWeight - logWeight))) {
    const { proposal } = second
    second.proposal = first.proposal
    second.proposalEnergy = first.proposalEnergy
    first.proposal = proposal
  }
  const sound = noTurn(first, second, tuning)
  const { inner } = second
  second.inner = first.inner
  first.inner = inner
  for (let i = 0; i < second.rho.length; i++) second.rho[i] += first.rho[i]
  second.logWeight = logWeight
  return sound
}

/**
 * The no-U-turn sampler with multinomial weights and diagonal mass (Hoffman and Gelman 2014; Betancourt 2017): trajectories double, in random
 * directions, until they turn back, at most `maximumDepth` times (default 10). Aims at an acceptance of 0.8.
 */
export const noUTurn = (options: { readonly maximumDepth?: number } = {}): Kernel => {
  const { maximumDepth = 10 } = options
  checkCount("maximumDepth", maximumDepth, 1, 30)
  return {
    name: "nuts",
    targetAcceptance: 0.8,
    transitions: (dimensions) => {
      // edges[0] lies backwards in time, edges[1] forwards.
      const edges = [makePhasePoint(dimensions), makePhasePoint(dimensions)] as const
      const old = makeTree(dimensions)
      // A tree of 2^k points is at waiting[k] until its sibling is built: the binary digits of the points so far say which are there.
      const waiting = [makeTree(dimensions)]
      const spare = { tree: makeTree(dimensions) }
      const rho = new Float64Array(dimensions)
      let chosen = makePoint(dimensions)
      return function* (point, tuning, random) {
        const [start] = edges
        copyPoint(point, start)
        drawMomentum(tuning, random, start.momentum)
        copyPhasePoint(start, edges[1])
        copy(start.momentum, rho)
        copyPoint(point, chosen)
        const startEnergy = energyOf(start, tuning)
        let energy = startEnergy
        let logWeight = 0
        let [acceptanceSum, evaluations] = [0, 0]
        let divergent = false
        for (let depth = 0; depth < maximumDepth; depth++) {
          const side = random.bernoulli(0.5) ? 1 : 0
          const edge = edges[side]
          copy(edges[1 - side].momentum, old.inner)
          copy(edge.momentum, old.outer)
          const step = (2 * side - 1) * tuning.stepSize
          if (waiting.length <= depth) waiting.push(makeTree(dimensions))
          let tree = spare.tree
          let sound = true
          for (let leaf = 0; leaf < 2 ** depth && sound; leaf++) {
            kickAndDrift(edge, step, tuning.inverseMass)
            yield edge
            kick(edge, step)
            const leafEnergy = energyOf(edge, tuning)
            evaluations++
            acceptanceSum += Math.min(1, Math.exp(startEnergy - leafEnergy))
            divergent = !(leafEnergy - startEnergy < divergence)
            sound = !divergent
            copy(edge.momentum, tree.inner)
            copy(edge.momentum, tree.outer)
            copy(edge.momentum, tree.rho)
            copyPoint(edge, tree.proposal)
            tree.proposalEnergy = leafEnergy
            tree.logWeight = startEnergy - leafEnergy
            let level = 0
            for (; sound && ((leaf >> level) & 1) === 1; level++)
              sound = merge(waiting[level], tree, tuning, random.uniform())
            if (sound && leaf + 1 < 2 ** depth) {
              const empty = waiting[level]
              waiting[level] = tree
              tree = empty
            }
          }
          spare.tree = tree
          if (!sound) break
          // Biased progressive sampling prefers the new half, which is further away.
          if (random.uniform() < Math.exp(tree.logWeight - logWeight)) {
            const before = chosen
            chosen = tree.proposal
            tree.proposal = before
            energy = tree.proposalEnergy
          }
          logWeight = addLogs(logWeight, tree.logWeight)
          copy(rho, old.rho)
          for (let i = 0; i < dimensions; i++) rho[i] += tree.rho[i]
          if (!noTurn(old, tree, tuning)) break
        }
        return { end: chosen, acceptance: acceptanceSum / evaluations, energy, evaluations, divergent }
      }
    }
  }
}
