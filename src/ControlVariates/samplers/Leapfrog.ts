import type { Stream } from "../../Random/index.ts"
import { copyPoint, makePoint, type Point, type Tuning } from "./Kernel.ts"

/** A point in phase space. */
export interface PhasePoint extends Point {
  readonly momentum: Float64Array
}

export const makePhasePoint = (dimensions: number): PhasePoint => ({
  ...makePoint(dimensions),
  momentum: new Float64Array(dimensions)
})

export const copyPhasePoint = (from: PhasePoint, to: PhasePoint): void => {
  copyPoint(from, to)
  for (let i = 0; i < from.momentum.length; i++) to.momentum[i] = from.momentum[i]
}

/** Trajectories whose energy is off by more than this are divergent, as in Stan. */
export const divergence = 1000

/** p ~ N(0, M), M diagonal. */
export const drawMomentum = ({ inverseMass }: Tuning, random: Stream, momentum: Float64Array): void => {
  for (let i = 0; i < momentum.length; i++) momentum[i] = random.normal() / Math.sqrt(inverseMass[i])
}

/** H = -log pi(x) + p' M^-1 p / 2; NaN counts as infinite. */
export const energyOf = ({ logDensity, momentum }: PhasePoint, { inverseMass }: Tuning): number => {
  let kinetic = 0
  for (let i = 0; i < momentum.length; i++) kinetic += 0.5 * inverseMass[i] * momentum[i] * momentum[i]
  const energy = kinetic - logDensity
  return Number.isNaN(energy) ? Infinity : energy
}

/** The first half of a leapfrog step of signed length, after which the target is wanted at the new position. */
export const kickAndDrift = (point: PhasePoint, step: number, inverseMass: Float64Array): void => {
  const { position, score, momentum } = point
  for (let i = 0; i < position.length; i++) {
    momentum[i] += 0.5 * step * score[i]
    position[i] += step * inverseMass[i] * momentum[i]
  }
}

/** The second half, with the score of the new position. */
export const kick = ({ score, momentum }: PhasePoint, step: number): void => {
  for (let i = 0; i < momentum.length; i++) momentum[i] += 0.5 * step * score[i]
}
