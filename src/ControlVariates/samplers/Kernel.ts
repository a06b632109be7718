import type { Stream } from "../../Random/index.ts"

/** A point with its log density and score; overwritten in place by what holds it. */
export interface Point {
  readonly position: Float64Array
  logDensity: number
  readonly score: Float64Array
}

/** What a kernel is tuned by; adaptation sets them, kernels only read them. */
export interface Tuning {
  /** Above 0; each kernel's docstring says of what. */
  readonly stepSize: number
  /** The diagonal of the inverse mass (preconditioner), [dimensions]: about the variances of the target. */
  readonly inverseMass: Float64Array
}

/** Where a transition ended and how it went. */
export interface Transition {
  /** The point it began at, or one of the kernel's own, which lasts until the next transition. */
  readonly end: Point
  /** Probability of acceptance, averaged over the trajectory for NUTS; 1 for unadjusted kernels. */
  readonly acceptance: number
  /** The Hamiltonian where a kernel has one, else -logDensity. */
  readonly energy: number
  readonly evaluations: number
  /** The trajectory's energy went off by more than 1000: the step is too large for the curvature there. */
  readonly divergent: boolean
}

/**
 * One transition of one chain. It yields a point whose position it has set where it needs the target there, and goes on when log density and
 * score have been filled in, so that all chains are evaluated together and one implementation serves every backend.
 */
export type TransitionSteps = Generator<Point, Transition, void>

/** Begins a transition from a point; pure but for the random numbers that it takes, whatever was in its room before. */
export type Transitions = (point: Point, tuning: Tuning, random: Stream) => TransitionSteps

/** A Markov kernel: pure given its stream of random numbers. */
export interface Kernel {
  readonly name: "rwm" | "ula" | "mala" | "hmc" | "nuts"
  /** The acceptance that step-size adaptation aims at, or undefined for kernels that accept everything. */
  readonly targetAcceptance: number | undefined
  /** The transitions of one chain, with the room that they need: a step costs nanoseconds, making arrays would cost more. */
  readonly transitions: (dimensions: number) => Transitions
}

export const makePoint = (dimensions: number): Point => ({
  position: new Float64Array(dimensions),
  logDensity: NaN,
  score: new Float64Array(dimensions)
})

/** Overwrites a point by another. Loops: for a handful of numbers `set` costs more. */
export const copyPoint = (from: Point, to: Point): void => {
  const { position, score } = from
  for (let i = 0; i < position.length; i++) {
    to.position[i] = position[i]
    to.score[i] = score[i]
  }
  to.logDensity = from.logDensity
}

export const isFinitePoint = ({ logDensity, score }: Point): boolean => {
  if (!Number.isFinite(logDensity)) return false
  for (let i = 0; i < score.length; i++) if (!Number.isFinite(score[i])) return false
  return true
}
