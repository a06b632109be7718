import type { Stream } from "../../../Random/index.ts"
import { lossOrder } from "../LossOrder.ts"
import type { Observation } from "../Sampler.ts"
import { ToldPrefix } from "../SeenRows.ts"
import type { SearchRows } from "../../Space.ts"
import { drawHyperparameters, fitHyperparameters, initialHyperparameters } from "./Evidence.ts"
import { Locations } from "./Kernel.ts"
import { Posterior } from "./Posterior.ts"
import { targetsOf } from "./Targets.ts"

/** Where the model has so many points, only some are kept, so that a long study's proposals do not become slow. */
const mostPoints = 256
const keptPoints = 192
/** Hyper-parameters are fitted again when the points are a fifth more, to at most so many of them. */
const growth = 1.2
const fittedPoints = 128
const drawnPoints = 80

/** Of losses, indices of the lowest half of `count`, and as many spread over the rest, in rising order. */
export const mostTelling = (losses: ArrayLike<number>, count: number): ReadonlyArray<number> => {
  const n = losses.length
  const order = Array.from(lossOrder(losses))
  if (n <= count) return order.toSorted((a, b) => a - b)
  const best = Math.ceil(count / 2)
  const spread = count - best
  const chosen = order.slice(0, best)
  for (let i = 0; i < spread; i++) chosen.push(order[best + Math.floor(((i + 0.5) * (n - best)) / spread)])
  return chosen.toSorted((a, b) => a - b)
}

/**
 * A Gaussian process over losses (see `targetsOf`) that follows a history. What it is after some observations depends on these and their
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
    const targets = targetsOf(this.#losses)
    this.#posterior.setTargets(Float64Array.from(this.#indices, (i) => targets[i]))
    return this.#posterior
  }

  /** What is known after the observations of the last call of `after`, with hyper-parameters drawn at random where these leave them open. */
  drawn(random: Stream): Posterior {
    const targets = targetsOf(this.#losses)
    const [points, known] = this.#few(drawnPoints, targets)
    const { hyperparameters } = this.#posterior
    const drawn = drawHyperparameters(this.#locations, points, known, hyperparameters, random)
    const posterior = new Posterior(this.#locations, drawn)
    for (const i of this.#indices) posterior.append(this.#rows[i])
    posterior.setTargets(Float64Array.from(this.#indices, (i) => targets[i]))
    return posterior
  }

  /** Points of the model and their targets, the most telling ones where there are more than `count`. */
  #few(count: number, targets: Float64Array): readonly [ReadonlyArray<Float64Array>, Float64Array] {
    const losses = this.#indices.map((i) => this.#losses[i])
    const chosen = mostTelling(losses, count).map((i) => this.#indices[i])
    return [chosen.map((i) => this.#rows[i]), Float64Array.from(chosen, (i) => targets[i])]
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
    const targets = targetsOf(this.#losses)
    const [points, known] = this.#few(fittedPoints, targets)
    const from = this.#posterior.hyperparameters
    const hyperparameters = fitHyperparameters(this.#locations, points, known, from)
    this.#posterior = new Posterior(this.#locations, hyperparameters)
    // The best first: the search goes on near them, and bounds on the variance begin with the first points.
    this.#indices = this.#indices.toSorted((a, b) => targets[a] - targets[b] || a - b)
    for (const i of this.#indices) this.#posterior.append(this.#rows[i])
    const n = this.#losses.length
    this.#nextFit = Math.max(n + 2, Math.ceil(growth * n))
  }
}
