import { ChainError, checkCount, checkPositive, TargetError } from "../Errors.ts"
import { pointwise, type Target } from "./Target.ts"

/** y' = f(y, theta) and its derivatives, written into arrays, which begin as zeros; y's first numbers are the state, and others may follow: f [states], by y [states, states], by theta [states, parameters]. */
export interface OrdinarySystem {
  readonly name: string
  readonly states: number
  readonly parameters: ReadonlyArray<string>
  readonly field: (
    y: Float64Array,
    theta: Float64Array,
    f: Float64Array,
    byState: Float64Array,
    byParameter: Float64Array
  ) => void
}

/** Predators v and prey u: u' = (alpha - beta v) u, v' = (delta u - gamma) v. */
export const lotkaVolterra: OrdinarySystem = {
  name: "Lotka-Volterra",
  states: 2,
  parameters: ["alpha", "beta", "gamma", "delta"],
  // By index: taking arrays apart, and setting one from another, would take most of a solution's time.
  field: (y, theta, f, byState, byParameter) => {
    const u = y[0]
    const v = y[1]
    const growth = theta[0] - theta[1] * v
    const death = theta[3] * u - theta[2]
    f[0] = growth * u
    f[1] = death * v
    byState[0] = growth
    byState[1] = -theta[1] * u
    byState[2] = theta[3] * v
    byState[3] = death
    byParameter[0] = u
    byParameter[1] = -u * v
    byParameter[6] = -v
    byParameter[7] = u * v
  }
}

/** The oscillator of Van der Pol: x' = v, v' = mu (1 - x^2) v - x. */
export const vanDerPol: OrdinarySystem = {
  name: "Van der Pol",
  states: 2,
  parameters: ["mu"],
  field: (y, theta, f, byState, byParameter) => {
    const x = y[0]
    const v = y[1]
    const damping = 1 - x * x
    f[0] = v
    f[1] = theta[0] * damping * v - x
    byState[1] = 1
    byState[2] = -2 * theta[0] * x * v - 1
    byState[3] = theta[0] * damping
    byParameter[1] = damping * v
  }
}

export interface OrdinaryOptions {
  /** State at time 0, [states]. */
  readonly start: ReadonlyArray<number>
  /** Ascending, above 0. */
  readonly times: ReadonlyArray<number>
  /** Steps of the classical Runge-Kutta method between two times, at least 1; default 20. */
  readonly steps?: number | undefined
}

/** A solution at the times, [times, states], and its derivative by the parameters, [times, states, parameters]. */
export interface Trajectory {
  readonly states: Float64Array
  readonly sensitivities: Float64Array
}

/**
 * Solves a system and its variational equations S' = (df/dy) S + df/dtheta together by the classical Runge-Kutta method, so that the
 * derivatives are those of the numerical solution itself.
 */
export const solveOrdinary = (
  system: OrdinarySystem,
  theta: Float64Array,
  options: OrdinaryOptions
): Trajectory => {
  const { start, times, steps = 20 } = options
  const n = system.states
  const p = system.parameters.length
  const size = n + n * p
  const z = new Float64Array(size)
  z.set(start)
  const [f, byState, byParameter] = [new Float64Array(n), new Float64Array(n * n), new Float64Array(n * p)]
  const slopes = Array.from({ length: 4 }, () => new Float64Array(size))
  const at = new Float64Array(size)
  const slope = (from: Float64Array, into: Float64Array): void => {
    system.field(from, theta, f, byState, byParameter)
    for (let i = 0; i < n; i++) {
      into[i] = f[i]
      for (let q = 0; q < p; q++) {
        let sum = byParameter[i * p + q]
        for (let j = 0; j < n; j++) sum += byState[i * n + j] * from[n + j * p + q]
        into[n + i * p + q] = sum
      }
    }
  }
  const states = new Float64Array(times.length * n)
  const sensitivities = new Float64Array(times.length * n * p)
  let time = 0
  times.forEach((until, k) => {
    const h = (until - time) / steps
    for (let step = 0; step < steps; step++) {
      slope(z, slopes[0])
      for (let stage = 1; stage < 4; stage++) {
        const share = stage === 3 ? h : 0.5 * h
        const before = slopes[stage - 1]
        for (let i = 0; i < size; i++) at[i] = z[i] + share * before[i]
        slope(at, slopes[stage])
      }
      for (let i = 0; i < size; i++)
        z[i] += (h / 6) * (slopes[0][i] + 2 * slopes[1][i] + 2 * slopes[2][i] + slopes[3][i])
    }
    time = until
    states.set(z.subarray(0, n), k * n)
    sensitivities.set(z.subarray(n), k * n * p)
  })
  return { states, sensitivities }
}

export interface OdePosteriorOptions extends OrdinaryOptions {
  /** Observed states, [times, states]. */
  readonly observations: Float64Array
  /** Standard deviation of the observations: on the logarithm for "lognormal" noise, else on the states. */
  readonly deviation: number
  /** Default "normal". */
  readonly noise?: "normal" | "lognormal" | undefined
  /** Parameters are exp of the coordinates, which have normal priors with these means and deviations, [parameters]. */
  readonly prior: { readonly mean: ReadonlyArray<number>; readonly deviation: ReadonlyArray<number> }
}

/**
 * The posterior of the logarithms of a system's parameters, given noisy observations of all states; the score is exact for the numerical
 * solution. Where the solution overflows, or leaves the positive numbers under lognormal noise, the density is zero.
 * Throws `TargetError`, `ChainError` and `ControlVariateOptionError` for data and options that do not fit.
 */
export const odePosterior = (system: OrdinarySystem, options: OdePosteriorOptions): Target => {
  const { observations, deviation, noise = "normal", prior, times, start, steps = 20 } = options
  const n = system.states
  const p = system.parameters.length
  const fail = (reason: string): never => {
    throw new TargetError({ target: system.name, reason })
  }
  checkPositive("deviation", deviation)
  checkCount("steps", steps)
  prior.deviation.forEach((one) => checkPositive("prior deviation", one))
  if (start.length !== n || prior.mean.length !== p || prior.deviation.length !== p)
    fail(`needs ${n} numbers to start from and ${p} prior means and deviations`)
  if (times.length === 0 || times.some((time, k) => !(time > (k === 0 ? 0 : times[k - 1]))))
    fail(`times must ascend from above 0, got [${times.join(", ")}]`)
  if (observations.length !== times.length * n)
    throw new ChainError({
      where: "observations",
      reason: `${observations.length} numbers for ${times.length} times and ${n} states`
    })
  const lognormal = noise === "lognormal"
  observations.forEach((value, k) => {
    if (!Number.isFinite(value) || (lognormal && value <= 0)) fail(`observation ${k} is ${value}`)
  })
  const theta = new Float64Array(p)
  const names = system.parameters.map((name) => `ln ${name}`)
  return pointwise(
    system.name,
    p,
    (x, score) => {
      let value = 0
      for (let q = 0; q < p; q++) {
        theta[q] = Math.exp(x[q])
        const away = (x[q] - prior.mean[q]) / prior.deviation[q]
        value -= 0.5 * away * away
        score[q] = -away / prior.deviation[q]
      }
      const { states, sensitivities } = solveOrdinary(system, theta, options)
      for (let k = 0; k < states.length; k++) {
        const state = states[k]
        if (!Number.isFinite(state) || (lognormal && state <= 0)) return -Infinity
        const away = (lognormal ? Math.log(observations[k] / state) : observations[k] - state) / deviation
        value -= 0.5 * away * away
        const pull = away / deviation / (lognormal ? state : 1)
        for (let q = 0; q < p; q++) score[q] += pull * sensitivities[k * p + q] * theta[q]
      }
      return value
    },
    names
  )
}
