import { Effect } from "effect"
import { ShapeError } from "../../Tensor/index.ts"
import { EvaluationBudgetError, EvaluationError } from "../Errors.ts"
import { EvaluationCache } from "./EvaluationCache.ts"
import { timeSlice } from "../../Iteration/TimeSlice.ts"

/** Index rows at which a function is asked for, all distinct. */
export interface IndexBatch {
  readonly count: number
  /** [count, d], row-major. */
  readonly indices: Int32Array
}

/** A function of index rows, many at a time: one value a row. It may run them in parallel, and fail as it likes. */
export type BatchFunction<E = never, R = never> = (
  batch: IndexBatch
) => Effect.Effect<ArrayLike<number>, E, R>

/**
 * A function of one index row, which it must not keep, as a function of batches that gives way to other fibers every 10 ms.
 * What it throws becomes an `EvaluationError` that names the index.
 *
 * @example
 *   trains.fromFunction([20, 20, 20], pointwise((index) => 1 / (1 + index[0] + index[1] + index[2])))
 */
export const pointwise = (evaluate: (index: Int32Array) => number): BatchFunction<EvaluationError> =>
  Effect.fnUntraced(function* ({ count, indices }: IndexBatch) {
    const dimensions = indices.length / Math.max(1, count)
    const values = new Float64Array(count)
    const pause = timeSlice()
    for (let start = 0; start < count; start += rowsBetweenPauses) {
      const end = Math.min(count, start + rowsBetweenPauses)
      for (let row = start; row < end; row++) {
        const index = indices.subarray(row * dimensions, (row + 1) * dimensions)
        try {
          values[row] = evaluate(index)
        } catch (cause) {
          return yield* thrown(index, cause)
        }
      }
      yield* pause
    }
    return values
  })

const rowsBetweenPauses = 64

const thrown = (index: Int32Array, cause: unknown): EvaluationError =>
  new EvaluationError({
    index: Array.from(index),
    reason: `threw ${cause instanceof Error ? cause.message : String(cause)}`,
    cause
  })

type EvaluationsError = EvaluationError | EvaluationBudgetError | ShapeError

/** A batch function behind a cache and a budget: no row is ever asked for twice, and none beyond the budget. */
export class Evaluations<E, R> {
  readonly cache: EvaluationCache
  readonly #evaluate: BatchFunction<E, R>
  readonly #dimensions: number
  readonly #budget: number
  readonly #batchSize: number

  constructor(
    evaluate: BatchFunction<E, R>,
    dimensions: number,
    { budget, batchSize }: { readonly budget: number; readonly batchSize: number }
  ) {
    this.cache = new EvaluationCache(dimensions)
    this.#evaluate = evaluate
    this.#dimensions = dimensions
    this.#budget = budget
    this.#batchSize = batchSize
  }

  /** Distinct rows evaluated so far. */
  get count(): number {
    return this.cache.size
  }

  /**
   * The entries of index rows [count, d] in the cache, evaluated where they were not. Fails with `EvaluationBudgetError`, and
   * evaluates nothing, where the rows that are missing exceed the budget.
   */
  at(indices: Int32Array): Effect.Effect<Int32Array, E | EvaluationsError, R> {
    return Effect.suspend((): Effect.Effect<Int32Array, E | EvaluationsError, R> => {
      const { entries, start, missing } = this.cache.lookUp(indices)
      if (missing.length === 0) return Effect.succeed(entries)
      if (this.cache.size > this.#budget) {
        const needed = this.cache.size
        this.cache.truncate(start)
        return Effect.fail(new EvaluationBudgetError({ budget: this.#budget, needed }))
      }
      return Effect.as(this.#fill(start, missing), entries).pipe(
        Effect.onExit((exit) =>
          exit._tag === "Success" ? Effect.void : Effect.sync(() => this.cache.truncate(start))
        )
      )
    })
  }

  #fill(start: number, missing: Int32Array) {
    const [evaluate, dimensions, batchSize] = [this.#evaluate, this.#dimensions, this.#batchSize]
    const cache = this.cache
    return Effect.gen(function* () {
      const count = missing.length / dimensions
      for (let from = 0; from < count; from += batchSize) {
        const rows = Math.min(batchSize, count - from)
        const indices = missing.slice(from * dimensions, (from + rows) * dimensions)
        const values = yield* yield* Effect.try({
          try: () => evaluate({ count: rows, indices }),
          catch: (cause) => thrown(indices.subarray(0, dimensions), cause)
        })
        if (values.length !== rows)
          return yield* new ShapeError({
            operation: "TensorTrains.fromFunction",
            reason: `the function gave ${values.length} values for a batch of ${rows} index rows`,
            shapes: [[rows, dimensions]]
          })
        for (let row = 0; row < rows; row++)
          if (!Number.isFinite(values[row])) {
            const index = Array.from(indices.subarray(row * dimensions, (row + 1) * dimensions))
            const reason = `is ${values[row]}; TT-cross needs finite numbers`
            return yield* new EvaluationError({ index, reason, cause: undefined })
          }
        cache.store(start + from, values)
      }
    })
  }
}
