import { Context, Effect, FileSystem, Layer, Path, type Scope, type Stream } from "effect"
import type {
  BatchFunctionError,
  NoResultError,
  StudyFileError,
  StudyMismatchError,
  TetraOptOptionError
} from "./Errors.ts"
import {
  type MinimizeInfo,
  type MinimizeOptions,
  minimize,
  minimizeStream,
  type Minimum
} from "./Minimize.ts"
import type { BatchObjective } from "./Points.ts"
import type { Space } from "./Space.ts"
import {
  type Objective,
  runStudy,
  type RunOptions,
  streamStudy,
  type StudyInfo,
  type StudyResult
} from "./study/Run.ts"
import { openStudy, type Study, type StudyOptions } from "./study/Study.ts"

/** Searching among configurations by evaluating few of them. */
export class TetraOpt extends Context.Service<
  TetraOpt,
  {
    /**
     * Opens a study for as long as the scope lasts: points are asked for and results told, in batches and in any order. With a `journal`, a
     * file, it goes on where that one was left, by a kill too, and any number of processes of a machine may share it.
     *
     * Fails with `StudyMismatchError` where the journal holds another study, with `StudyFileError` where it cannot be read or written, and
     * with `TetraOptOptionError` for an option that is out of its range.
     *
     * @example
     * const study = yield* tetra.study({ space, key: key(1), journal: "out/study.jsonl" })
     * const trials = yield* study.ask(4)
     * yield* study.tell(trials[2].number, 0.3)
     */
    readonly study: <A>(
      options: StudyOptions<A>
    ) => Effect.Effect<Study<A>, StudyFileError | StudyMismatchError | TetraOptOptionError, Scope.Scope>
    /**
     * Evaluates an objective until the study has its trials, and gives the best. An objective that fails, throws, gives NaN or takes
     * too long makes a failed trial, and the study goes on. Interrupted, it interrupts the trials that run, and a later run takes
     * them up again. `onInfo` is told of each finished trial.
     *
     * Fails with `NoResultError` where no trial gave a finite value, with `StudyFileError` where the journal cannot be written, and with
     * `TetraOptOptionError`.
     *
     * @example
     * const { best } = yield* tetra.run(study, ({ rate }) => train(rate), { trials: 50, concurrency: 4 })
     */
    readonly run: <A, E, R, E2 = never, R2 = never>(
      study: Study<A>,
      objective: Objective<A, E, R>,
      options: RunOptions,
      onInfo?: (info: StudyInfo<A>) => Effect.Effect<void, E2, R2>
    ) => Effect.Effect<StudyResult<A>, NoResultError | StudyFileError | TetraOptOptionError | E2, R | R2>
    /** The same as a stream of one info a finished trial; it ends with the trials that run when nobody listens any more. */
    readonly stream: <A, E, R>(
      study: Study<A>,
      objective: Objective<A, E, R>,
      options: RunOptions
    ) => Stream.Stream<StudyInfo<A>, StudyFileError | TetraOptOptionError, R>
    /**
     * The least value of a cheap function within a number of evaluations, by tensor-train sweeps over batches of points: where an
     * evaluation takes less than a millisecond, choosing points one by one would take longer than evaluating them.
     *
     * Fails with `NoResultError` where no value is finite, with `BatchFunctionError` where a batch gets another number of values than
     * it has points, and with `TetraOptOptionError`.
     *
     * @example
     * const { configuration, value } = yield* tetra.minimize(pointwise(({ x, y }) => (x - 1) ** 2 + y ** 2), space, { evaluations: 2000 })
     */
    readonly minimize: <A, E = never, R = never>(
      objective: BatchObjective<A, E, R>,
      space: Space<A>,
      options: MinimizeOptions
    ) => Effect.Effect<Minimum<A>, NoResultError | TetraOptOptionError | BatchFunctionError, R>
    /** The same as a stream of one info every 10 ms of work. */
    readonly minimizeStream: <A, E = never, R = never>(
      objective: BatchObjective<A, E, R>,
      space: Space<A>,
      options: MinimizeOptions
    ) => Stream.Stream<MinimizeInfo<A>, TetraOptOptionError | BatchFunctionError, R>
  }
>()("tesserae/TetraOpt/TetraOpt") {
  /** Journals are files: it needs a file system, such as NodeServices.layer of @effect/platform-node. */
  static readonly layer = Layer.effect(
    TetraOpt,
    Effect.gen(function* () {
      const files = Context.make(FileSystem.FileSystem, yield* FileSystem.FileSystem).pipe(
        Context.add(Path.Path, yield* Path.Path)
      )
      return TetraOpt.of({
        study: (options) => Effect.provideContext(openStudy(options), files),
        run: runStudy,
        stream: streamStudy,
        minimize,
        minimizeStream
      })
    })
  )
}
