import type { History, Observation } from "../samplers/Sampler.ts"
import { rowKey, type Space } from "../Space.ts"
import type { Owner } from "./Owner.ts"
import { outcomeFromJson, type Record, rowFromJson } from "./Record.ts"
import { type Goal, lossOf, type Outcome, type Report, type Trial } from "./Trial.ts"

/** A trial and who evaluates it, or did. */
export interface OwnedTrial<A> extends Trial<A> {
  owner: string | undefined
  outcome: Outcome | undefined
  seconds: number | undefined
  askedAt: number
  /** What samplers see of it, once it is told. */
  observation: Observation | undefined
  readonly reports: Array<Report>
}

/** What became of a record: it took effect; another was first, as may be where processes share a study; or it can be none of this study. */
export type Reception = "taken" | "late" | { readonly wrong: string }

/**
 * All that a journal says of a study. It is a function of the records in file order alone, so that all processes that share a study
 * agree on it: the first claim to a number, a point or a result is the one that counts. `apply` changes it in place.
 */
export class StudyState<A> {
  readonly space: Space<A>
  readonly goal: Goal
  readonly owners = new Map<string, Owner>()
  readonly trials = new Map<number, OwnedTrial<A>>()
  /** Those that have an outcome, in the order of telling. */
  readonly told: Array<OwnedTrial<A>> = []
  readonly #running = new Set<OwnedTrial<A>>()
  readonly #points = new Set<string>()
  #next = 0
  #best: OwnedTrial<A> | undefined

  constructor(space: Space<A>, goal: Goal) {
    this.space = space
    this.goal = goal
  }

  /** The number that the next trial will have. */
  get next(): number {
    return this.#next
  }

  /** The best complete trial so far; of equals the first. */
  get best(): OwnedTrial<A> | undefined {
    return this.#best
  }

  get running(): ReadonlyArray<OwnedTrial<A>> {
    return [...this.#running]
  }

  /** All trials in the order of their numbers. */
  get inOrder(): ReadonlyArray<OwnedTrial<A>> {
    return inOrder([...this.trials.values()])
  }

  /** Whether a point was ever asked for. */
  isTaken(row: Float64Array): boolean {
    return this.#points.has(rowKey(row))
  }

  /**
   * What a sampler may know. `hides` tells of trials whose results it must not know yet, though they are there; then the known ones are in
   * the order of asking.
   */
  history(hides?: (trial: OwnedTrial<A>) => boolean): History {
    const known: Array<Observation> = []
    const pending = [...this.#running]
    for (const trial of hides === undefined ? this.told : inOrder(this.told)) {
      if (trial.observation !== undefined && !hides?.(trial)) known.push(trial.observation)
      else pending.push(trial)
    }
    return { told: known, pending: inOrder(pending).map(({ row }) => row) }
  }

  apply(record: Record): Reception {
    switch (record.type) {
      case "opened": {
        const { by, host, process, thread, began } = record
        this.owners.set(by, { by, host, process, thread, ...(began === undefined ? {} : { began }) })
        return "taken"
      }
      case "asked": {
        const points = record.trials.map(({ number, row }) => ({ number, row: rowFromJson(row) }))
        for (const { number, row } of points) {
          const wrong = this.#wrongRow(row)
          if (wrong !== undefined) return { wrong: `trial ${number}: ${wrong}` }
        }
        // All or none: a batch is chosen together.
        if (points.some(({ number, row }) => this.trials.has(number) || this.#points.has(rowKey(row))))
          return "late"
        for (const { number, row } of points) this.#add(number, row, record.by, record.at)
        return "taken"
      }
      case "claimed": {
        const trials = record.trials.map(({ number, from }) => ({ trial: this.trials.get(number), from }))
        if (trials.some(({ trial, from }) => !isFree(trial, from))) return "late"
        for (const { trial } of trials) {
          if (trial === undefined) continue
          trial.owner = record.by
          trial.askedAt = record.at
          // It is evaluated from its beginning.
          trial.reports.length = 0
        }
        return "taken"
      }
      case "released":
        for (const number of record.trials) {
          const trial = this.trials.get(number)
          if (trial !== undefined && trial.owner === record.by) trial.owner = undefined
        }
        return "taken"
      case "closed":
        this.owners.delete(record.by)
        return "taken"
      case "reported": {
        const trial = this.trials.get(record.trial)
        if (trial === undefined || trial.outcome !== undefined) return "late"
        trial.reports.push({ step: record.step, value: Number(record.value) })
        return "taken"
      }
      case "told": {
        const row = rowFromJson(record.row)
        const wrong = this.#wrongRow(row)
        if (wrong !== undefined) return { wrong: `trial ${record.trial}: ${wrong}` }
        const known = this.trials.get(record.trial)
        if (known === undefined && this.#points.has(rowKey(row))) return "late"
        // The line in which it was asked for is lost: the result is not.
        const trial = known ?? this.#add(record.trial, row, record.by, record.at)
        if (trial.outcome !== undefined) return "late"
        if (rowKey(trial.row) !== rowKey(row))
          return { wrong: `trial ${record.trial} was asked at another point than it was told for` }
        trial.owner = record.by
        this.#tell(trial, outcomeFromJson(record.outcome), record.at)
        return "taken"
      }
    }
  }

  #add(number: number, row: Float64Array, owner: string, at: number): OwnedTrial<A> {
    const trial: OwnedTrial<A> = {
      number,
      row,
      configuration: this.space.configuration(row),
      owner,
      outcome: undefined,
      seconds: undefined,
      askedAt: at,
      observation: undefined,
      reports: []
    }
    this.trials.set(number, trial)
    this.#running.add(trial)
    this.#points.add(rowKey(row))
    this.#next = Math.max(this.#next, number + 1)
    return trial
  }

  #tell(trial: OwnedTrial<A>, outcome: Outcome, at: number): void {
    trial.outcome = outcome
    trial.observation = { row: trial.row, loss: lossOf(this.goal, outcome) }
    this.#running.delete(trial)
    trial.seconds = Math.max(0, at - trial.askedAt) / 1000
    this.told.push(trial)
    if (outcome.status !== "complete") return
    const best = this.#best?.outcome
    if (best === undefined || lossOf(this.goal, outcome) < lossOf(this.goal, best)) this.#best = trial
  }

  #wrongRow(row: Float64Array): string | undefined {
    const { dimensions } = this.space
    if (row.length !== dimensions.length)
      return `has ${row.length} coordinates, the space has ${dimensions.length} parameters`
    for (const [k, { name, levels }] of dimensions.entries()) {
      const coordinate = row[k]
      if (Number.isNaN(coordinate) === this.space.isActive(row, k))
        return `${name} ${Number.isNaN(coordinate) ? "is missing" : "has a value where it does not exist"}`
      if (Number.isNaN(coordinate)) continue
      const isInside =
        levels === 0
          ? coordinate >= 0 && coordinate <= 1
          : Number.isInteger(coordinate) && coordinate >= 0 && coordinate < levels
      if (!isInside) return `${name} has the coordinate ${coordinate}, outside the space`
    }
    return undefined
  }
}

const inOrder = <A>(trials: ReadonlyArray<OwnedTrial<A>>): ReadonlyArray<OwnedTrial<A>> =>
  trials.every((trial, i) => i === 0 || trials[i - 1].number < trial.number)
    ? trials
    : trials.toSorted((a, b) => a.number - b.number)

const isFree = <A>(trial: OwnedTrial<A> | undefined, from: string | null): boolean =>
  trial !== undefined && trial.outcome === undefined && (trial.owner ?? null) === from
