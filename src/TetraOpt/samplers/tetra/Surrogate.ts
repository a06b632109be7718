import { fold, type Key, type Stream, stream } from "../../../Random/index.ts"
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
/** Of n observations, n / 64 proposals in a row share the hyper-parameters that are drawn: one point more says little then, and each draw costs O(n^3). */
const pointsPerShare = 64

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

/** A posterior, and what it was drawn from. */
interface Drawn {
  readonly fit: Posterior
  readonly first: number
  readonly draw: number
  readonly posterior: Posterior
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
  /** How many observations there were at the last fit. */
  #fitted = 0
  #nextFit = 0
  #drawn: Drawn | undefined

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
      this.#fitted = 0
      this.#nextFit = 0
      this.#drawn = undefined
    }
    this.#posterior.truncate(this.#indices.length)
    this.#nextFit ||= firstFit
    for (let i = this.#losses.length; i < told.length; i++) this.#learn(told[i])
    const targets = targetsOf(this.#losses)
    this.#posterior.setTargets(Float64Array.from(this.#indices, (i) => targets[i]))
    return this.#posterior
  }

  /**
   * What is known after the observations of the last call of `after`, with hyper-parameters drawn at random where these leave them open; for the
   * proposal of this number, valid until the next call.
   */
  drawn(key: Key, proposal: number): Posterior {
    const n = this.#losses.length
    const share = Math.max(1, Math.floor(n / pointsPerShare))
    const first = Math.max(this.#fitted, n - (n % share))
    const draw = proposal - (proposal % share)
    const kept = this.#drawn
    const posterior =
      kept?.fit === this.#posterior && kept.first === first && kept.draw === draw
        ? kept.posterior
        : this.#draw(first, stream(fold(key, draw)))
    this.#drawn = { fit: this.#posterior, first, draw, posterior }
    posterior.truncate(posterior.told)
    for (const i of this.#indices.slice(posterior.told)) posterior.append(this.#rows[i])
    const targets = targetsOf(this.#losses)
    posterior.setTargets(Float64Array.from(this.#indices, (i) => targets[i]))
    return posterior
  }

  /** By the first observations only; no points yet. */
  #draw(first: number, random: Stream): Posterior {
    const targets = targetsOf(this.#losses.slice(0, first))
    const indices = this.#indices.filter((i) => i < first)
    const [points, known] = this.#few(indices, drawnPoints, targets)
    const { hyperparameters } = this.#posterior
    return new Posterior(
      this.#locations,
      drawHyperparameters(this.#locations, points, known, hyperparameters, random)
    )
  }

  /** Points of these and their targets, the most telling ones where there are more than `count`. */
  #few(
    indices: ReadonlyArray<number>,
    count: number,
    targets: Float64Array
  ): readonly [ReadonlyArray<Float64Array>, Float64Array] {
    const losses = indices.map((i) => this.#losses[i])
    const chosen = mostTelling(losses, count).map((i) => indices[i])
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
    const [points, known] = this.#few(this.#indices, fittedPoints, targets)
    const from = this.#posterior.hyperparameters
    const hyperparameters = fitHyperparameters(this.#locations, points, known, from)
    this.#posterior = new Posterior(this.#locations, hyperparameters)
    // The best first: the search goes on near them, and bounds on the variance begin with the first points.
    this.#indices = this.#indices.toSorted((a, b) => targets[a] - targets[b] || a - b)
    for (const i of this.#indices) this.#posterior.append(this.#rows[i])
    const n = this.#losses.length
    this.#fitted = n
    this.#nextFit = Math.max(n + 2, Math.ceil(growth * n))
  }
}
