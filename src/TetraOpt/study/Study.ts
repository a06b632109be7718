import { Clock, Effect, type FileSystem, type Path, type Scope, Semaphore } from "effect"
import {
  SpaceExhaustedError,
  StudyFileError,
  type StudyMismatchError,
  TetraOptOptionError,
  TrialError
} from "../Errors.ts"
import type { Key } from "../../Random/index.ts"
import { importance, type Importance } from "../samplers/Importance.ts"
import type { Sampler } from "../samplers/Sampler.ts"
import { tetra } from "../samplers/Tetra.ts"
import { rowKey, type Space } from "../Space.ts"
import { type Halving, type HalvingOptions, isWorthwhile } from "./Halving.ts"
import { type DamagedLine, type Journal, journalInMemory, openJournal } from "./Journal.ts"
import { checkIdentity, openedEntry } from "./Identity.ts"
import { isAlive, openHere } from "./Owner.ts"
import { type Entry, numberToJson, outcomeToJson, type Opened, rowToJson } from "./Record.ts"
import { type OwnedTrial, StudyState } from "./StudyState.ts"
import type { Goal, Outcome, Trial } from "./Trial.ts"

/** What a study is. */
export interface StudyOptions<A> {
  readonly space: Space<A>
  readonly key: Key
  /** Default "minimise". */
  readonly goal?: Goal | undefined
  /** Default `tetra`. */
  readonly sampler?: Sampler | undefined
  /** Default "study". */
  readonly name?: string | undefined
  /** How many trials there will be in all, where that is known: samplers may plan with it. */
  readonly trials?: number | undefined
  /** Configurations to try before the sampler is asked: those in use, say. */
  readonly first?: ReadonlyArray<NoInfer<A>> | undefined
  /** A file that keeps the study; default: it lasts as long as the process. */
  readonly journal?: string | undefined
  /** Gives up trials by their intermediate values; default: none. */
  readonly pruning?: HalvingOptions | undefined
}

export interface AskOptions {
  /** Trials whose results the sampler is not to know, though they are there. */
  readonly hides?: ((trial: OwnedTrial<unknown>) => boolean) | undefined
  /** Never more trials than this in the whole study; default Infinity. */
  readonly atMost?: number | undefined
}

export interface ReportOptions {
  /** Trials with which it is not to be compared. */
  readonly hides?: ((trial: OwnedTrial<unknown>) => boolean) | undefined
}

/** A search that is under way: points are asked for and results told, in batches and in any order. */
export interface Study<A> {
  readonly name: string
  readonly space: Space<A>
  readonly goal: Goal
  readonly key: Key
  readonly journal: Journal
  /** What tells this study from all others, wherever and whenever it is opened. */
  readonly identity: string
  /** What tells this opening of the study from others. */
  readonly id: string
  /**
   * `count` trials to evaluate: first those that others left unfinished (a process that was killed), then new points, none of which
   * was ever asked for. Fewer where no more are found; fails with `SpaceExhaustedError` where there is none.
   */
  readonly ask: (
    count: number,
    options?: AskOptions
  ) => Effect.Effect<ReadonlyArray<Trial<A>>, SpaceExhaustedError | TetraOptOptionError | StudyFileError>
  /**
   * The result of a trial: its value (NaN and the infinities are failures) or its outcome. Fails with `TrialError` where there is no such
   * trial, or it has a result.
   */
  readonly tell: (
    trial: number,
    result: number | Outcome
  ) => Effect.Effect<Trial<A>, TrialError | StudyFileError>
  /**
   * An intermediate value of a trial, at a step above that of the last; whether to go on with it. Fails with `TrialError` where there
   * is no such trial, or it has a result.
   */
  readonly report: (
    trial: number,
    step: number,
    value: number,
    options?: ReportOptions
  ) => Effect.Effect<boolean, TrialError | StudyFileError>
  /** Gives up trials of this opening that are still out, so that anyone may take them. */
  readonly release: Effect.Effect<void, StudyFileError>
  /** What is known now, other processes' results included. */
  readonly refresh: Effect.Effect<StudyState<A>, StudyFileError>
  /** In the order of their numbers. */
  readonly trials: Effect.Effect<ReadonlyArray<Trial<A>>, StudyFileError>
  /** The best complete trial; undefined where there is none. */
  readonly best: Effect.Effect<Trial<A> | undefined, StudyFileError>
  /** How much each parameter mattered so far. */
  readonly importance: Effect.Effect<ReadonlyArray<Importance>, StudyFileError>
  /** Lines of the journal that were left out. */
  readonly damaged: Effect.Effect<ReadonlyArray<DamagedLine>>
  /** Whether other live processes, or other openings in this one, have the study open. */
  readonly isShared: () => boolean
  /** Whether the owner of a running trial is at work: this opening, or a live process. */
  readonly isAttended: (trial: OwnedTrial<unknown>) => boolean
}

/** How often a record is written that half a line may have swallowed. */
const attempts = 10

const wrong = (option: string, value: unknown, expected: string) =>
  new TetraOptOptionError({ option, value, expected })

const checkHalving = (options: HalvingOptions): Effect.Effect<Halving, TetraOptOptionError> => {
  const { firstStep = 1, factor = 3 } = options
  if (!(firstStep > 0 && firstStep < Infinity))
    return Effect.fail(wrong("pruning.firstStep", firstStep, "above 0 and finite"))
  if (!(factor > 1 && factor < Infinity))
    return Effect.fail(wrong("pruning.factor", factor, "above 1 and finite"))
  return Effect.succeed({ firstStep, factor })
}

const asOutcome = (result: number | Outcome): Outcome => {
  if (typeof result !== "number") return result.status === "complete" ? asOutcome(result.value) : result
  return Number.isFinite(result)
    ? { status: "complete", value: result }
    : { status: "failed", reason: `the objective gave ${result}` }
}

const rowsOf = Effect.fnUntraced(function* <A>(space: Space<A>, configurations: ReadonlyArray<A>) {
  const rows = new Map<string, Float64Array>()
  for (const configuration of configurations) {
    const row = space.row(configuration as Readonly<Record<string, unknown>>)
    if (row === undefined || !space.isAllowed(row))
      return yield* wrong("first", JSON.stringify(configuration), "made of configurations of the space")
    rows.set(rowKey(row), row)
  }
  return [...rows.values()]
})

/**
 * Opens a study, for as long as the scope lasts: a new one, or, where its journal is there, the one that it holds, at the point where it
 * was left. Fails with `StudyMismatchError` where the journal holds another, with `StudyFileError` where it cannot be read or
 * written, and with `TetraOptOptionError`.
 */
export const openStudy = Effect.fn("TetraOpt.study")(function* <A>(
  options: StudyOptions<A>
): Effect.fn.Return<
  Study<A>,
  StudyFileError | StudyMismatchError | TetraOptOptionError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const { space, key, goal = "minimise", sampler = tetra, name = "study", trials } = options
  if (trials !== undefined && !(Number.isSafeInteger(trials) && trials >= 1))
    return yield* wrong("trials", trials, "a whole number, at least 1")
  const halving = options.pruning === undefined ? undefined : yield* checkHalving(options.pruning)
  const firstRows = yield* rowsOf(space, options.first ?? [])
  const journal = options.journal === undefined ? journalInMemory() : yield* openJournal(options.journal)
  const id = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const own = crypto.randomUUID()
      openHere.add(own)
      return own
    }),
    (own) => Effect.sync(() => openHere.delete(own))
  )
  const proposer = sampler.start({ space, key, ...(trials === undefined ? {} : { trials }) })
  const state = new StudyState(space, goal)
  const damaged: Array<DamagedLine> = []
  const lock = yield* Semaphore.make(1)

  /** The first opening that the journal tells of. */
  let first: Opened | undefined
  let written = 0

  /** Takes in what is new. Of the record of this opening with the number `own`: whether it took effect; undefined where it is not there. */
  const catchUp = Effect.fnUntraced(function* (own = -1) {
    let isTaken: boolean | undefined
    for (const line of yield* journal.news) {
      if ("reason" in line) {
        damaged.push(line)
        continue
      }
      const { record } = line
      const reception = state.apply(record)
      if (typeof reception === "object") damaged.push({ line: line.line, reason: reception.wrong })
      if (record.type === "opened") first ??= record
      if (record.by === id && record.n === own) isTaken = reception === "taken"
    }
    return isTaken
  })

  /** Appends a record and reads it back, with all that came before it: whether it took effect. */
  const write = Effect.fnUntraced(function* (entry: Entry) {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const n = written++
      yield* journal.append({ ...entry, by: id, n })
      const isTaken = yield* catchUp(n)
      // Where it is not there it went out behind half a line, and was lost with it.
      if (isTaken !== undefined) return isTaken
    }
    const reason = "what is written to it is not there afterwards; another program must have changed it"
    return yield* new StudyFileError({ path: journal.path, reason })
  })

  const now = Clock.currentTimeMillis
  const opened = openedEntry({ name, goal, sampler: sampler.name, key, space }, yield* now)
  yield* catchUp()
  if (first !== undefined) yield* checkIdentity(journal.path, first, opened)
  yield* write(opened)
  // Another process may have begun the journal in between.
  if (first !== undefined) yield* checkIdentity(journal.path, first, opened)

  const isAttended = (trial: OwnedTrial<unknown>): boolean => {
    if (trial.owner === undefined) return false
    if (trial.owner === id) return true
    const owner = state.owners.get(trial.owner)
    return owner !== undefined && isAlive(owner)
  }

  const claim = Effect.fnUntraced(function* (count: number) {
    for (;;) {
      const left = state.running
        .filter((trial) => !isAttended(trial))
        .toSorted((a, b) => a.number - b.number)
        .slice(0, count)
      if (left.length === 0) return []
      const entry: Entry = {
        type: "claimed",
        at: yield* now,
        trials: left.map(({ number, owner }) => ({ number, from: owner ?? null }))
      }
      if (yield* write(entry)) return left
    }
  })

  const propose = Effect.fnUntraced(function* (count: number, { hides, atMost = Infinity }: AskOptions) {
    for (;;) {
      const room = Math.min(count, atMost - state.trials.size)
      if (room <= 0) return []
      const given = firstRows.filter((row) => !state.isTaken(row)).slice(0, room)
      const rows = given.length > 0 ? given : proposer.propose(state.history(hides), room)
      if (rows.length === 0) return []
      const points = new Set(rows.map(rowKey))
      if (points.size < rows.length || rows.some((row) => state.isTaken(row)))
        return yield* Effect.die(new Error(`the sampler ${sampler.name} proposed a point twice`))
      const numbers = rows.map((_, i) => state.next + i)
      const entry: Entry = {
        type: "asked",
        at: yield* now,
        trials: rows.map((row, i) => ({
          number: numbers[i],
          row: rowToJson(row),
          configuration: Object.fromEntries(
            Object.entries(space.configuration(row) as object).filter(([, value]) => value !== undefined)
          )
        }))
      }
      if (yield* write(entry))
        return numbers.flatMap((number) => {
          const trial = state.trials.get(number)
          return trial === undefined ? [] : [trial]
        })
    }
  })

  const ask = Effect.fn("Study.ask")(function* (count: number, options: AskOptions = {}) {
    if (!(Number.isSafeInteger(count) && count >= 1))
      return yield* wrong("count", count, "a whole number, at least 1")
    yield* catchUp()
    const trials: Array<Trial<A>> = yield* claim(count)
    while (trials.length < count) {
      const fresh = yield* propose(count - trials.length, options)
      if (fresh.length === 0) break
      trials.push(...fresh)
    }
    if (trials.length > 0 || (options.atMost ?? Infinity) <= state.trials.size) return trials
    const asked = state.trials.size
    return yield* new SpaceExhaustedError({ asked, reason: "no point is left that was not asked for" })
  }, lock.withPermit)

  const runningTrial = Effect.fnUntraced(function* (number: number) {
    yield* catchUp()
    const trial = state.trials.get(number)
    if (trial === undefined) return yield* new TrialError({ trial: number, reason: "was never asked for" })
    if (trial.outcome !== undefined)
      return yield* new TrialError({ trial: number, reason: "has a result already" })
    return trial
  })

  const tell = Effect.fn("Study.tell")(function* (number: number, result: number | Outcome) {
    const trial = yield* runningTrial(number)
    const isFirst = yield* write({
      type: "told",
      at: yield* now,
      trial: number,
      row: rowToJson(trial.row),
      outcome: outcomeToJson(asOutcome(result))
    })
    if (!isFirst) return yield* new TrialError({ trial: number, reason: "has a result already" })
    return trial
  }, lock.withPermit)

  const report = Effect.fn("Study.report")(function* (
    number: number,
    step: number,
    value: number,
    { hides = () => false }: ReportOptions = {}
  ) {
    const trial = yield* runningTrial(number)
    const last = trial.reports[trial.reports.length - 1]?.step ?? 0
    if (!(step > last && step < Infinity))
      return yield* new TrialError({
        trial: number,
        reason: `was reported at step ${step}; it must be finite and above ${last}, the step before`
      })
    yield* write({ type: "reported", trial: number, step, value: numberToJson(value) })
    if (halving === undefined) return true
    const others = [...state.trials.values()].filter((other) => other !== trial && !hides(other))
    return isWorthwhile(halving, goal, others, trial)
  }, lock.withPermit)

  const release = lock.withPermit(
    Effect.suspend(() => {
      const own = state.running.filter(({ owner }) => owner === id).map(({ number }) => number)
      return own.length === 0 ? Effect.void : write({ type: "released", trials: own })
    })
  )
  // Where that cannot be written others take its trials over when this process has ended.
  yield* Effect.addFinalizer(() => Effect.ignore(lock.withPermit(write({ type: "closed" }))))

  const refresh = lock.withPermit(Effect.as(catchUp(), state))
  return {
    name,
    space,
    goal,
    key,
    journal,
    identity: first?.by ?? id,
    id,
    ask,
    tell,
    report,
    release: Effect.asVoid(release),
    refresh,
    trials: Effect.map(refresh, (state) => state.inOrder),
    best: Effect.map(refresh, ({ best }) => best),
    importance: Effect.map(refresh, (state) => importance(state.history().told, space)),
    damaged: Effect.sync(() => [...damaged]),
    isShared: () => [...state.owners].some(([by, owner]) => by !== id && isAlive(owner)),
    isAttended
  }
})
