import type { Point } from "./Kernel.ts"

/** Nesterov's dual averaging of a log step size towards an acceptance (Hoffman and Gelman 2014, section 3.2). */
export interface StepSizeState {
  readonly count: number
  readonly shrinkTo: number
  readonly gradientMean: number
  readonly logStep: number
  readonly logStepMean: number
}

/** Starts from a step size; the iterates are drawn to ten times it. */
export const initStepSize = (stepSize: number): StepSizeState => ({
  count: 0,
  shrinkTo: Math.log(10 * stepSize),
  gradientMean: 0,
  logStep: Math.log(stepSize),
  logStepMean: Math.log(stepSize)
})

/** One update from an acceptance in [0, 1]. gamma = 0.05, t0 = 10, kappa = 0.75. */
export const adaptStepSize = (state: StepSizeState, acceptance: number, wanted: number): StepSizeState => {
  const count = state.count + 1
  const share = 1 / (count + 10)
  const gradientMean = (1 - share) * state.gradientMean + share * (wanted - acceptance)
  const logStep = state.shrinkTo - (Math.sqrt(count) / 0.05) * gradientMean
  const weight = count ** -0.75
  const logStepMean = weight * logStep + (1 - weight) * state.logStepMean
  return { ...state, count, gradientMean, logStep, logStepMean }
}

/** Welford's running moments of each dimension over all chains. */
export interface MassState {
  readonly count: number
  readonly mean: Float64Array
  readonly squares: Float64Array
}

export const initMass = (dimensions: number): MassState => ({
  count: 0,
  mean: new Float64Array(dimensions),
  squares: new Float64Array(dimensions)
})

/** Takes in the positions of all chains. */
export const adaptMass = (state: MassState, points: ReadonlyArray<Point>): MassState => {
  const mean = state.mean.slice()
  const squares = state.squares.slice()
  let { count } = state
  for (const { position } of points) {
    count++
    for (let i = 0; i < mean.length; i++) {
      const before = position[i] - mean[i]
      mean[i] += before / count
      squares[i] += before * (position[i] - mean[i])
    }
  }
  return { count, mean, squares }
}

/** The variances, shrunk towards 10^-3 by five draws' worth, as Stan does: the inverse mass. */
export const inverseMassOf = ({ count, squares }: MassState): Float64Array =>
  squares.map((sum) => (count / (count + 5)) * (sum / Math.max(1, count - 1)) + 1e-3 * (5 / (count + 5)))

/** When a warm-up learns the mass: from the positions of iterations `begin` on, set after each of the iterations in `ends`. */
export interface MassSchedule {
  readonly begin: number
  readonly ends: ReadonlySet<number>
}

/** Stan's schedule: slow windows of 25, 50, 100, ... between the first 75 iterations and the last 50; in proportion for less than 150. */
export const massSchedule = (warmup: number): MassSchedule => {
  const begin = warmup >= 150 ? 75 : Math.floor(0.15 * warmup)
  const last = warmup >= 150 ? warmup - 50 : warmup - Math.floor(0.1 * warmup)
  const ends = new Set<number>()
  let size = warmup >= 150 ? 25 : Math.max(1, last - begin)
  for (let end = begin + size; end <= last; ) {
    // A window that would leave less than its double takes the rest.
    if (end + 2 * size > last) end = last
    ends.add(end)
    size *= 2
    end += size
  }
  return { begin, ends }
}
