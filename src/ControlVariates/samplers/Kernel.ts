import type { Stream } from "../../Random/index.ts"

/** A point with its log density and score. */
export interface Point {
  readonly position: Float64Array
  readonly logDensity: number
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
export interface Transition extends Point {
  /** Probability of acceptance, averaged over the trajectory for NUTS; 1 for unadjusted kernels. */
  readonly acceptance: number
  /** The Hamiltonian where a kernel has one, else -logDensity. */
  readonly energy: number
  readonly evaluations: number
  /** The trajectory's energy went off by more than 1000: the step is too large for the curvature there. */
  readonly divergent: boolean
}

/**
 * One transition of one chain. It yields the positions where it needs the target and is handed the points back, so that all chains
 * are evaluated together and one implementation serves every backend.
 */
export type TransitionSteps = Generator<Float64Array, Transition, Point>

/** A Markov kernel: pure given its stream of random numbers. */
export interface Kernel {
  readonly name: "rwm" | "ula" | "mala" | "hmc" | "nuts"
  /** The acceptance that step-size adaptation aims at, or undefined for kernels that accept everything. */
  readonly targetAcceptance: number | undefined
  readonly transition: (point: Point, tuning: Tuning, random: Stream) => TransitionSteps
}

export const isFinitePoint = ({ logDensity, score }: Point): boolean =>
  Number.isFinite(logDensity) && score.every(Number.isFinite)
