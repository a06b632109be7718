import { Cause, Effect, Stream } from "effect"
import { type Key, key as keyOf, stream as randomStream } from "../Random/index.ts"
import { BatchFunctionError, NoResultError, TetraOptOptionError } from "./Errors.ts"
import { type BatchObjective, pointReader, type Points, threw } from "./Points.ts"
import type { Space } from "./Space.ts"
import type { Episode } from "./sweeps/Episode.ts"
import { absorb, eliteOf, initSearch, propose } from "./sweeps/Search.ts"
import type { SearchProblem } from "./sweeps/SearchState.ts"

export interface MinimizeOptions {
  /** Evaluations at most, a whole number from 1: never more, and fewer only where the target is reached or no new point is found. */
  readonly evaluations: number
  /** Decides all that is random; default `key(0)`. */
  readonly key?: Key | undefined
  /** A value that is good enough: the search ends with the batch that reaches it. */
  readonly target?: number | undefined
}

/** A point and its value. */
export interface Candidate<A> {
  readonly configuration: A
  readonly value: number
}

/** Why a minimisation ended. */
export type Ended = "evaluations" | "target" | "exhausted"

/** Where a minimisation is. */
export interface MinimizeInfo<A> {
  readonly evaluations: number
  /** Evaluations without a finite value. */
  readonly failed: number
  readonly best: Candidate<A> | undefined
  /** What is being tried: the whole space, the neighbourhood of the best point, or an evolution strategy from there. */
  readonly episode: Episode["kind"]
  /** undefined while it goes on. */
  readonly ended: Ended | undefined
}

export interface Minimum<A> extends Candidate<A> {
  readonly evaluations: number
  readonly failed: number
  readonly ended: Ended
  /** The best point and up to nine others, best first: where a problem has several good answers, some of them. */
  readonly candidates: ReadonlyArray<Candidate<A>>
}

/** How long (milliseconds) batches go on before other fibers, and interruption, get their turn. */
const slice = 10

interface Run<A, R> {
  /** Batches for a time slice, and where they led to. */
  readonly step: Effect.Effect<MinimizeInfo<A>, BatchFunctionError, R>
  readonly candidates: () => ReadonlyArray<Candidate<A>>
  /** Why the last point that failed did. */
  readonly failure: () => string
}

const begin = Effect.fnUntraced(function* <A, E, R>(
  objective: BatchObjective<A, E, R>,
  space: Space<A>,
  options: MinimizeOptions
): Effect.fn.Return<Run<A, R>, TetraOptOptionError> {
  const { evaluations, target = Number.NEGATIVE_INFINITY, key = keyOf(0) } = options
  if (!(Number.isSafeInteger(evaluations) && evaluations >= 1)) {
    const expected = "a whole number, at least 1"
    return yield* new TetraOptOptionError({ option: "evaluations", value: evaluations, expected })
  }
  if (Number.isNaN(target))
    return yield* new TetraOptOptionError({ option: "target", value: target, expected: "a number" })
  const problem = problemOf(space, evaluations, key)
  const state = initSearch(problem)
  const read = pointReader(space)
  const isReached = () => state.best !== undefined && state.best.loss <= target
  let failed = 0
  let failure: string | undefined
  const candidate = ({ row, loss }: { readonly row: Float64Array; readonly loss: number }) => ({
    configuration: space.configuration(row),
    value: loss
  })
  const allFailed = (reason: string, { count }: Points<A>) => {
    failure = reason
    return new Float64Array(count).fill(Number.NaN)
  }
  const evaluate = (points: Points<A>) => {
    try {
      return objective(points)
    } catch (cause) {
      return allFailed(threw(cause), points)
    }
  }
  const take = (values: ArrayLike<number>) => {
    for (let i = 0; i < values.length; i++)
      if (!Number.isFinite(values[i])) {
        failed++
        // What a batch threw or failed with says more than the NaN that it left.
        if (!Number.isNaN(values[i])) failure = `was ${values[i]}`
      }
    absorb(state, problem, values)
  }
  const step = Effect.gen(function* () {
    const until = performance.now() + slice
    while (!state.isOver && !isReached()) {
      const points = read(propose(state, problem))
      const given = evaluate(points)
      const values = Effect.isEffect(given)
        ? yield* Effect.catch(given, (error) => Effect.succeed(allFailed(reasonOf(error), points)))
        : given
      if (values.length !== points.count)
        return yield* new BatchFunctionError({
          reason: `gave ${values.length} values for ${points.count} points`
        })
      take(values)
      if (performance.now() > until) break
    }
    const ended = isReached()
      ? "target"
      : !state.isOver
        ? undefined
        : state.evaluations === evaluations
          ? "evaluations"
          : "exhausted"
    return {
      evaluations: state.evaluations,
      failed,
      best: state.best && candidate(state.best),
      episode: state.stage.episode.kind,
      ended
    } satisfies MinimizeInfo<A>
  })
  return {
    step,
    candidates: () => eliteOf(state, problem).map(candidate),
    failure: () => failure ?? (failed > 0 ? "was NaN" : noneAllowed)
  }
})

const noneAllowed = "none was asked for, because the constraints exclude all that were drawn"

const reasonOf = (error: unknown): string =>
  error instanceof BatchFunctionError ? error.reason : `failed: ${Cause.pretty(Cause.fail(error))}`

const problemOf = <A>(space: Space<A>, evaluations: number, key: Key): SearchProblem => {
  const { dimensions } = space
  const isConditional = dimensions.some(({ given }) => given.length > 0)
  const random = randomStream(key)
  return {
    modes: dimensions.map(({ levels, isOrdered }) => ({ levels, isOrdered })),
    evaluations,
    key,
    // Rows of a search have all coordinates, so nothing is drawn.
    canonical: isConditional ? (row) => space.canonical(row, random) : undefined,
    isAllowed: space.constraints.length > 0 ? (row) => space.isAllowed(row) : undefined
  }
}

/**
 * The least value of a cheap function that is found within a number of evaluations: tensor-train sweeps of rank 1 over lines and of higher rank over
 * what these find (after TTOpt: Sozykin et al., NeurIPS 2022), and an evolution strategy for what does not lie along the axes. No point is asked
 * twice. Fails with `NoResultError` where no value is finite, `TetraOptOptionError`, and `BatchFunctionError` where a batch gets another number of
 * values than it has points.
 *
 * @example
 * const space = yield* Space.make({ x: Parameter.float(-5, 5), y: Parameter.float(-5, 5) })
 * const { configuration, value } = yield* minimize(
 *   ({ values }) => Float64Array.from({ length: values.length / 2 }, (_, i) => values[2 * i] ** 2 + values[2 * i + 1] ** 2),
 *   space,
 *   { evaluations: 2000 }
 * )
 */
export const minimize = Effect.fn("TetraOpt.minimize")(function* <A, E = never, R = never>(
  objective: BatchObjective<A, E, R>,
  space: Space<A>,
  options: MinimizeOptions
): Effect.fn.Return<Minimum<A>, NoResultError | TetraOptOptionError | BatchFunctionError, R> {
  const run = yield* begin(objective, space, options)
  for (;;) {
    const { best, ended, evaluations, failed } = yield* run.step
    if (ended !== undefined) {
      if (best === undefined) return yield* new NoResultError({ trials: evaluations, reason: run.failure() })
      return { ...best, evaluations, failed, ended, candidates: run.candidates() }
    }
    yield* Effect.yieldNow
  }
})

/** The same as a stream: an info for every 10 ms of work, the last one included, whatever was found. */
export const minimizeStream = <A, E = never, R = never>(
  objective: BatchObjective<A, E, R>,
  space: Space<A>,
  options: MinimizeOptions
): Stream.Stream<MinimizeInfo<A>, TetraOptOptionError | BatchFunctionError, R> =>
  Stream.unwrap(
    Effect.map(begin(objective, space, options), ({ step }) =>
      Stream.unfold(true, (goesOn) =>
        goesOn
          ? Effect.map(
              Effect.andThen(Effect.yieldNow, step),
              (info) => [info, info.ended === undefined] as const
            )
          : Effect.undefined
      )
    )
  )
