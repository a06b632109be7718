import { Cause, Clock, Duration, Effect, Exit, Fiber, type Option, Queue, type Scope, Stream } from "effect"
import {
  NoResultError,
  type SpaceExhaustedError,
  type StudyFileError,
  TetraOptOptionError,
  TrialPruned
} from "../Errors.ts"
import { fold, type Key } from "../../Random/index.ts"
import type { DamagedLine } from "./Journal.ts"
import type { Study } from "./Study.ts"
import type { OwnedTrial } from "./StudyState.ts"
import type { Outcome, Trial } from "./Trial.ts"

/** What an objective may know and do beside evaluating. */
export interface TrialContext {
  readonly number: number
  /** For the objective's own randomness: a function of the study's key and the trial's number. */
  readonly key: Key
  /**
   * Tells an intermediate value, at a step above that of the last. Fails with `TrialPruned` where the trial is not worth going on with;
   * let it through, and the study records the trial as pruned.
   */
  readonly report: (step: number, value: number) => Effect.Effect<void, TrialPruned>
}

/** What is to be made small or large. A failure, a defect and a value that is not finite make a failed trial, and the study goes on. */
export type Objective<A, E = never, R = never> = (
  configuration: A,
  trial: TrialContext
) => Effect.Effect<number, E, R>

export interface RunOptions {
  /** Trials the whole study is to have, those of earlier runs and other processes included. */
  readonly trials: number
  /** Trials at a time; default 1. */
  readonly concurrency?: number | undefined
  /** After this no trial is begun, and those that run are given up: a later run takes them up again. Default: none. */
  readonly timeLimit?: Duration.Input | undefined
  /** A trial that takes longer has failed; default: none. */
  readonly trialTimeLimit?: Duration.Input | undefined
  /**
   * Whether trial k is chosen by the results of the trials up to k - concurrency alone, so that the study goes the same way
   * whichever finishes first, also when it is killed and taken up again; it may have to wait for the slowest. The same trials are those
   * with which it is compared for pruning. Default true. While several processes share the study it has no effect: how they go together depends on how
   * fast they are.
   */
  readonly reproducible?: boolean | undefined
}

/** Told after each finished trial. */
export interface StudyInfo<A> {
  readonly trial: Trial<A>
  /** The best complete trial so far; undefined where there is none. */
  readonly best: Trial<A> | undefined
  /** Trials of the whole study that have an outcome. */
  readonly finished: number
  /** Trials that are out in this run. */
  readonly running: number
  /** Since the run began. */
  readonly seconds: number
}

export interface StudyResult<A> {
  readonly best: Trial<A>
  readonly trials: ReadonlyArray<Trial<A>>
  readonly ended: Ending
  /** Lines of the journal that were left out. */
  readonly damaged: ReadonlyArray<DamagedLine>
}

/** All trials are there; the time was up; or no point was left that was not asked for. */
export type Ending = "trials" | "time limit" | "space exhausted"

type RunError = StudyFileError | TetraOptOptionError

type Completion = { readonly number: number; readonly outcome: Outcome } | { readonly fatal: StudyFileError }

/** How long a run that has nothing to do waits before it looks what other processes did. */
const patience = Duration.millis(200)

const longestReason = 500

const checkCount = (option: string, value: number): Effect.Effect<void, TetraOptOptionError> =>
  Number.isSafeInteger(value) && value >= 1
    ? Effect.void
    : Effect.fail(new TetraOptOptionError({ option, value, expected: "a whole number, at least 1" }))

/** A run under way: `next` is the info of the trial that finishes next, undefined at the end. */
interface Driver<A> {
  readonly next: Effect.Effect<StudyInfo<A> | undefined, RunError>
  readonly ended: () => Ending
}

const drive = Effect.fnUntraced(function* <A, E, R>(
  study: Study<A>,
  objective: Objective<A, E, R>,
  options: RunOptions
): Effect.fn.Return<Driver<A>, RunError, R | Scope.Scope> {
  const { trials, concurrency = 1, reproducible = true } = options
  yield* checkCount("trials", trials)
  yield* checkCount("concurrency", concurrency)
  const context = yield* Effect.context<R | Scope.Scope>()
  const began = yield* Clock.currentTimeMillis
  const deadline = options.timeLimit === undefined ? Infinity : began + Duration.toMillis(options.timeLimit)
  const queue = yield* Queue.unbounded<Completion>()
  const running = new Map<number, Fiber.Fiber<unknown>>()
  let ended: Ending | undefined

  const giveUp = Effect.suspend(() => {
    const fibers = [...running.values()]
    running.clear()
    return Effect.andThen(Fiber.interruptAll(fibers), study.release)
  })
  yield* Effect.addFinalizer(() => Effect.ignore(giveUp))

  /** Whether a trial comes too late to count for the trial of this number. */
  const isLateFor = (number: number) => (trial: OwnedTrial<unknown>) => trial.number > number - concurrency
  const keepsOrder = () => reproducible && !study.isShared()

  const contextOf = ({ number }: Trial<A>): TrialContext => ({
    number,
    key: fold(fold(study.key, "trial"), number),
    report: (step, value) =>
      study.report(number, step, value, keepsOrder() ? { hides: isLateFor(number) } : {}).pipe(
        Effect.flatMap((goesOn) =>
          goesOn ? Effect.void : Effect.fail(new TrialPruned({ trial: number, step, value }))
        ),
        // A trial that another process told meanwhile is not worth going on with; steps that go back are the objective's fault.
        Effect.catchTag("TrialError", (error) => Effect.die(error)),
        Effect.catchTag("StudyFileError", (fatal) =>
          Effect.andThen(Queue.offer(queue, { fatal }), Effect.never)
        )
      )
  })

  const begin = Effect.fnUntraced(function* (trial: Trial<A>) {
    const evaluation = Effect.suspend(() => objective(trial.configuration, contextOf(trial)))
    const limited =
      options.trialTimeLimit === undefined
        ? Effect.map(evaluation, ofValue)
        : Effect.timeoutOrElse(Effect.map(evaluation, ofValue), {
            duration: options.trialTimeLimit,
            orElse: () => Effect.succeed(tooLong(options.trialTimeLimit ?? 0))
          })
    const fiber = yield* limited.pipe(
      Effect.exit,
      Effect.flatMap((exit) =>
        Queue.offer(queue, {
          number: trial.number,
          outcome: Exit.isSuccess(exit) ? exit.value : ofCause(exit.cause)
        })
      ),
      Effect.provideContext(context),
      Effect.forkScoped
    )
    running.set(trial.number, fiber)
  }, Effect.provideContext(context))

  /** Begins trials while there is room; whether there may be more later. */
  const fill = Effect.gen(function* () {
    while (running.size < concurrency) {
      const state = yield* study.refresh
      const inOrder = keepsOrder()
      if (inOrder && [...running.keys()].some((number) => number <= state.next - concurrency)) return true
      const asked = yield* study
        .ask(1, { atMost: trials, ...(inOrder ? { hides: isLateFor(state.next) } : {}) })
        .pipe(Effect.catchTag("SpaceExhaustedError", (error) => Effect.succeed(error)))
      if (!isTrials(asked)) return state.running.some(study.isAttended)
      if (asked.length === 0) return state.told.length < trials
      for (const trial of asked) yield* begin(trial)
    }
    return true
  })

  const take = Effect.fnUntraced(function* () {
    const left = deadline - (yield* Clock.currentTimeMillis)
    // With a free place, others may have left something to do.
    const wait = running.size < concurrency ? Math.min(left, Duration.toMillis(patience)) : left
    return yield* wait === Infinity
      ? Effect.asSome(Queue.take(queue))
      : Effect.timeoutOption(Queue.take(queue), Duration.millis(Math.max(0, wait)))
  })

  const next = Effect.gen(function* () {
    for (;;) {
      if (ended !== undefined) return undefined
      if ((yield* Clock.currentTimeMillis) >= deadline) {
        yield* giveUp
        ended = "time limit"
        return undefined
      }
      const hasMore = yield* fill
      if (running.size === 0 && !hasMore) {
        const { told } = yield* study.refresh
        ended = told.length >= trials ? "trials" : "space exhausted"
        return undefined
      }
      const taken: Option.Option<Completion> = yield* take()
      if (taken._tag === "None") continue
      const completion = taken.value
      if ("fatal" in completion) return yield* completion.fatal
      running.delete(completion.number)
      const told = yield* study
        .tell(completion.number, completion.outcome)
        // Another process was first: its result counts.
        .pipe(Effect.catchTag("TrialError", () => Effect.succeed(undefined)))
      if (told === undefined) continue
      const state = yield* study.refresh
      return {
        trial: told,
        best: state.best,
        finished: state.told.length,
        running: running.size,
        seconds: ((yield* Clock.currentTimeMillis) - began) / 1000
      }
    }
  })
  return { next, ended: () => ended ?? "trials" }
})

const isTrials = <A>(
  asked: ReadonlyArray<Trial<A>> | SpaceExhaustedError
): asked is ReadonlyArray<Trial<A>> => Array.isArray(asked)

const ofValue = (value: number): Outcome =>
  typeof value === "number" && Number.isFinite(value)
    ? { status: "complete", value }
    : failure(`the objective gave ${String(value)}`)

const failure = (reason: string): Outcome => ({ status: "failed", reason: reason.slice(0, longestReason) })

const tooLong = (limit: Duration.Input): Outcome =>
  failure(`took longer than its ${Duration.format(Duration.fromInputUnsafe(limit))}`)

const ofCause = (cause: Cause.Cause<unknown>): Outcome => {
  const errors = cause.reasons.filter(Cause.isFailReason).map(({ error }) => error)
  for (const error of errors)
    if (error instanceof TrialPruned) return { status: "pruned", step: error.step, value: error.value }
  if (errors.length > 0) return failure(errors.map(messageOf).join("; "))
  const defects = cause.reasons.filter(Cause.isDieReason).map(({ defect }) => defect)
  if (defects.length > 0) return failure(`the objective threw: ${defects.map(messageOf).join("; ")}`)
  return failure("the objective interrupted itself")
}

const messageOf = (error: unknown): string => {
  if (error instanceof Error) return error.message === "" ? error.name : error.message
  return typeof error === "object" ? JSON.stringify(error) : String(error)
}

/**
 * Evaluates an objective until the study has its trials; one info a finished trial. Interrupting it interrupts the trials that run,
 * which a later run takes up again. Fails with `StudyFileError` where the journal cannot be written and with `TetraOptOptionError`.
 */
export const streamStudy = <A, E, R>(
  study: Study<A>,
  objective: Objective<A, E, R>,
  options: RunOptions
): Stream.Stream<StudyInfo<A>, RunError, R> =>
  Stream.unwrap(
    Effect.map(drive(study, objective, options), ({ next }) =>
      Stream.unfold(undefined, () =>
        Effect.map(next, (info) => (info === undefined ? undefined : ([info, undefined] as const)))
      )
    )
  )

/**
 * The same to its end: the best trial and all others. `onInfo` is told of each finished trial. Fails as `streamStudy` does, and with
 * `NoResultError` where no trial gave a finite value.
 */
export const runStudy = Effect.fn("TetraOpt.run")(function* <A, E, R, E2 = never, R2 = never>(
  study: Study<A>,
  objective: Objective<A, E, R>,
  options: RunOptions,
  onInfo: (info: StudyInfo<A>) => Effect.Effect<void, E2, R2> = () => Effect.void
): Effect.fn.Return<StudyResult<A>, RunError | NoResultError | E2, R | R2> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const { next, ended } = yield* drive(study, objective, options)
      for (;;) {
        const info = yield* next
        if (info === undefined) break
        yield* onInfo(info)
      }
      const { best, inOrder, told } = yield* study.refresh
      if (best === undefined) {
        const last = told[told.length - 1]?.outcome
        const reason = last?.status === "failed" ? last.reason : "none was finished"
        return yield* new NoResultError({ trials: told.length, reason })
      }
      return { best, trials: inOrder, ended: ended(), damaged: yield* study.damaged }
    })
  )
})
