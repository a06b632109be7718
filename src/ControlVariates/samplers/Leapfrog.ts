import type { Stream } from "../../Random/index.ts"
import type { Point, Tuning } from "./Kernel.ts"

/** A point in phase space. */
export interface PhasePoint extends Point {
  readonly momentum: Float64Array
}

/** Trajectories whose energy is off by more than this are divergent, as in Stan. */
export const divergence = 1000

/** p ~ N(0, M), M diagonal. */
export const drawMomentum = ({ inverseMass }: Tuning, random: Stream): Float64Array => {
  const momentum = new Float64Array(inverseMass.length)
  for (let i = 0; i < momentum.length; i++) momentum[i] = random.normal() / Math.sqrt(inverseMass[i])
  return momentum
}

/** H = -log pi(x) + p' M^-1 p / 2; NaN counts as infinite. */
export const energyOf = ({ logDensity, momentum }: PhasePoint, { inverseMass }: Tuning): number => {
  let kinetic = 0
  for (let i = 0; i < momentum.length; i++) kinetic += 0.5 * inverseMass[i] * momentum[i] * momentum[i]
  const energy = kinetic - logDensity
  return Number.isNaN(energy) ? Infinity : energy
}

/** One leapfrog step of signed length; evaluates the target once. */
export function* leapfrog(
  { position, score, momentum }: PhasePoint,
  step: number,
  inverseMass: Float64Array
): Generator<Float64Array, PhasePoint, Point> {
  const d = position.length
  const half = new Float64Array(d)
  const moved = new Float64Array(d)
  for (let i = 0; i < d; i++) {
    half[i] = momentum[i] + 0.5 * step * score[i]
    moved[i] = position[i] + step * inverseMass[i] * half[i]
  }
  const next = yield moved
  for (let i = 0; i < d; i++) half[i] += 0.5 * step * next.score[i]
  return { position: next.position, logDensity: next.logDensity, score: next.score, momentum: half }
}
