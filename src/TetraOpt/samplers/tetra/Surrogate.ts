import { normalScores } from "../NormalScores.ts"
import type { Observation } from "../Sampler.ts"
import { ToldPrefix } from "../SeenRows.ts"
import type { SearchRows } from "../../Space.ts"
import { fitHyperparameters, initialHyperparameters } from "./Evidence.ts"
import { Locations } from "./Kernel.ts"
import { Posterior } from "./Posterior.ts"

/** Where the model has so many points, only some are kept, so that a long study's proposals do not become slow. */
const mostPoints = 320
const keptPoints = 224
/** Hyper-parameters are fitted again when the points are a fifth more, to at most so many of them. */
const growth = 1.2
const fittedPoints = 160

/** Of losses, indices of the lowest half of `count`, and as many spread over the rest, in rising order. */
export const mostTelling = (losses: ArrayLike<number>, count: number): ReadonlyArray<number> => {
  const n = losses.length
  const all = Array.from({ length: n }, (_, i) => i)
  if (n <= count) return all
  const order = all.toSorted((a, b) => (losses[a] < losses[b] ? -1 : losses[a] > losses[b] ? 1 : a - b))
  const best = Math.ceil(count / 2)
  const spread = count - best
  const chosen = order.slice(0, best)
  for (let i = 0; i < spread; i++) chosen.push(order[best + Math.floor(((i + 0.5) * (n - best)) / spread)])
  return chosen.toSorted((a, b) => a - b)
}

/**
 * A Gaussian process over the normal scores of losses that follows a history. What it is after some observations depends on these and their
 * order alone, not on when it was told of them.
 */
export class Surrogate {
  readonly #locations: Locations
  readonly #prefix = new ToldPrefix()
  readonly #losses: Array<number> = []
  readonly #rows: Array<Float64Array> = []
  /** By point of the posterior: which observation it is. */
  #indices: Array<number> = []
  #posterior: Posterior
  #nextFit = 0

  constructor(space: SearchRows) {
    this.#locations = new Locations(space)
    this.#posterior = new Posterior(this.#locations, initialHyperparameters(this.#locations))
  }

  /** What is known after these observations; valid until the next call. */
  after(told: ReadonlyArray<Observation>, firstFit: number): Posterior {
    const same = this.#prefix.advance(told)
    if (same < this.#losses.length) {
      this.#losses.length = 0
      this.#rows.length = 0
      this.#indices = []
      this.#posterior = new Posterior(this.#locations, initialHyperparameters(this.#locations))
      this.#nextFit = 0
    }
    this.#posterior.truncate(this.#indices.length)
    this.#nextFit ||= firstFit
    for (let i = this.#losses.length; i < told.length; i++) this.#learn(told[i])
    const scores = normalScores(this.#losses)
    this.#posterior.setTargets(Float64Array.from(this.#indices, (i) => scores[i]))
    return this.#posterior
  }

  #learn({ row, loss }: Observation): void {
    this.#losses.push(Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss)
    this.#rows.push(this.#locations.of(row))
    this.#indices.push(this.#losses.length - 1)
    const isFull = this.#indices.length >= mostPoints
    if (isFull) {
      const losses = this.#indices.map((i) => this.#losses[i])
      const indices = this.#indices
      this.#indices = mostTelling(losses, keptPoints).map((i) => indices[i])
    }
    if (isFull || this.#losses.length >= this.#nextFit) this.#fit()
    else this.#posterior.append(this.#rows[this.#rows.length - 1])
  }

  #fit(): void {
    const scores = normalScores(this.#losses)
    const losses = this.#indices.map((i) => this.#losses[i])
    const chosen = mostTelling(losses, fittedPoints).map((i) => this.#indices[i])
    const hyperparameters = fitHyperparameters(
      this.#locations,
      chosen.map((i) => this.#rows[i]),
      Float64Array.from(chosen, (i) => scores[i]),
      this.#posterior.hyperparameters
    )
    this.#posterior = new Posterior(this.#locations, hyperparameters)
    // The best first: the search goes on near them, and bounds on the variance begin with the first points.
    this.#indices = this.#indices.toSorted((a, b) => scores[a] - scores[b] || a - b)
    for (const i of this.#indices) this.#posterior.append(this.#rows[i])
    const n = this.#losses.length
    this.#nextFit = Math.max(n + 2, Math.ceil(growth * n))
  }
}
