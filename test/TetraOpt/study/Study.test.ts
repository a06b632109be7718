import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, FileSystem, Fiber, Path, type Scope, Stream } from "effect"
import { Parameter, rowKey, Space } from "../../../src/TetraOpt/index.ts"
import { streamStudy, runStudy } from "../../../src/TetraOpt/study/Run.ts"
import { openStudy, type Study } from "../../../src/TetraOpt/study/Study.ts"
import { type Bowl, bowl, bowlSpace, common } from "./bowl.ts"

const openBowl = Effect.fnUntraced(function* (options: { readonly journal?: string } = {}) {
  return yield* openStudy({ ...common, space: yield* bowlSpace, ...options })
})

const temporaryFile = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return join(yield* fileSystem.makeTempDirectoryScoped(), "studies", "bowl.jsonl")
})

const objective = (configuration: Bowl) => Effect.succeed(bowl(configuration))

const faulty = (configuration: Bowl, { number }: { readonly number: number }) => {
  if (number === 1) throw new Error("thrown at once")
  if (number === 2) return Effect.fail({ _tag: "Odd", what: 3 })
  if (number === 3) return Effect.succeed(Number.NaN)
  if (number === 4) return Effect.interrupt
  if (number === 5) return Effect.die("thrown inside")
  return Effect.succeed(bowl(configuration))
}

const shown = <A>(study: Study<A>) =>
  Effect.map(study.trials, (trials) =>
    trials.map(({ number, configuration, outcome, reports }) => ({
      number,
      configuration,
      outcome,
      reports
    }))
  )

layer(NodeServices.layer, { excludeTestServices: true })("a study", (it) => {
  it.effect("takes results in any order, however late, and knows the best", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      const first = yield* study.ask(5)
      const more = yield* study.ask(3)
      assert.deepStrictEqual(
        [...first, ...more].map(({ number }) => number),
        [0, 1, 2, 3, 4, 5, 6, 7]
      )
      for (const number of [6, 2, 0, 7]) yield* study.tell(number, number)
      const late = yield* study.ask(1)
      for (const number of [1, 3, 4, 5, 8]) yield* study.tell(number, 10 + number)
      assert.deepStrictEqual(late[0].number, 8)
      const best = yield* study.best
      assert.strictEqual(best?.number, 0)
      assert.deepStrictEqual(best?.outcome, { status: "complete", value: 0 })
    })
  )

  it.effect("never asks for a point twice, nor for one that is out, and says when none is left", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ a: Parameter.int(1, 4), b: Parameter.categorical(["x", "y"]) })
      const study = yield* openStudy({ ...common, space })
      const seen = new Set<string>()
      for (const count of [3, 1, 3]) {
        const trials = yield* study.ask(count)
        for (const { row } of trials) seen.add(rowKey(row))
        yield* study.tell(trials[0].number, 1)
      }
      const rest = yield* study.ask(5)
      assert.lengthOf(rest, 1)
      seen.add(rowKey(rest[0].row))
      assert.strictEqual(seen.size, 8)
      const error = yield* Effect.flip(study.ask(1))
      assert.strictEqual(error._tag, "SpaceExhaustedError")
    })
  )

  it.effect("begins with the configurations that it is given, each once", () =>
    Effect.gen(function* () {
      const space = yield* bowlSpace
      const first: ReadonlyArray<Bowl> = [
        { x: 0.25, n: 2, choice: "b" },
        { x: 0.5, n: 9, choice: "a" },
        { x: 0.25, n: 2, choice: "b" }
      ]
      const study = yield* openStudy({ ...common, space, first })
      const trials = [...(yield* study.ask(1)), ...(yield* study.ask(2)), ...(yield* study.ask(2))]
      assert.deepStrictEqual(
        trials.slice(0, 2).map(({ configuration }) => configuration),
        first.slice(0, 2)
      )
      const { told, pending } = (yield* study.refresh).history()
      assert.lengthOf(told, 0)
      assert.lengthOf(pending, 5)
      assert.strictEqual(new Set(trials.map(({ row }) => rowKey(row))).size, 5)
    })
  )

  it.effect("records NaN, infinities and failures as failed trials", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      yield* study.ask(4)
      yield* study.tell(0, Number.NaN)
      yield* study.tell(1, Number.POSITIVE_INFINITY)
      yield* study.tell(2, { status: "failed", reason: "no luck" })
      assert.isUndefined(yield* study.best)
      yield* study.tell(3, 7)
      assert.strictEqual((yield* study.best)?.number, 3)
      const outcomes = (yield* study.trials).map(({ outcome }) => outcome)
      assert.deepStrictEqual(outcomes.slice(0, 3), [
        { status: "failed", reason: "the objective gave NaN" },
        { status: "failed", reason: "the objective gave Infinity" },
        { status: "failed", reason: "no luck" }
      ])
    })
  )

  it.effect("refuses a second result and one for a trial that is none", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      yield* study.ask(1)
      yield* study.tell(0, 1)
      const second = yield* Effect.flip(study.tell(0, 2))
      assert.strictEqual(second.message, "trial 0: has a result already")
      const none = yield* Effect.flip(study.tell(5, 2))
      assert.strictEqual(none.message, "trial 5: was never asked for")
      assert.deepStrictEqual((yield* study.best)?.outcome, { status: "complete", value: 1 })
    })
  )

  it.effect("maximises where that is the goal", () =>
    Effect.gen(function* () {
      const space = yield* bowlSpace
      const study = yield* openStudy({ ...common, space, goal: "maximise" })
      const { best, trials } = yield* runStudy(study, objective, { trials: 20 })
      const values = trials.map(({ configuration }) => bowl(configuration))
      assert.deepStrictEqual(best.outcome, { status: "complete", value: Math.max(...values) })
    })
  )

  it.effect("names options that are out of range", () =>
    Effect.gen(function* () {
      const space = yield* bowlSpace
      const study = yield* openBowl()
      const messages = yield* Effect.forEach(
        [
          openStudy({ ...common, space, trials: 0 }),
          openStudy({ ...common, space, pruning: { factor: 1 } }),
          openStudy({ ...common, space, pruning: { firstStep: 0 } }),
          study.ask(0),
          openStudy({ ...common, space, first: [{ x: 2, n: 1, choice: "a" }] }),
          runStudy(study, objective, { trials: 0 }),
          runStudy(study, objective, { trials: 1, concurrency: 1.5 })
        ],
        (effect) =>
          Effect.map(
            Effect.flip<
              unknown,
              { readonly message: string },
              FileSystem.FileSystem | Path.Path | Scope.Scope
            >(effect),
            ({ message }) => message
          )
      )
      assert.deepStrictEqual(messages, [
        "trials must be a whole number, at least 1, not 0",
        "pruning.factor must be above 1 and finite, not 1",
        "pruning.firstStep must be above 0 and finite, not 0",
        "count must be a whole number, at least 1, not 0",
        'first must be made of configurations of the space, not {"x":2,"n":1,"choice":"a"}',
        "trials must be a whole number, at least 1, not 0",
        "concurrency must be a whole number, at least 1, not 1.5"
      ])
    })
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("a run", (it) => {
  it.effect("goes on after objectives that fail, throw, give NaN or interrupt themselves", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      const { trials, best, ended } = yield* runStudy(study, faulty, { trials: 8 })
      assert.strictEqual(ended, "trials")
      assert.deepStrictEqual(
        trials.map(({ outcome }) => (outcome?.status === "failed" ? outcome.reason : outcome?.status)),
        [
          "complete",
          "the objective threw: thrown at once",
          '{"_tag":"Odd","what":3}',
          "the objective gave NaN",
          "the objective interrupted itself",
          "the objective threw: thrown inside",
          "complete",
          "complete"
        ]
      )
      assert.include([0, 6, 7], best.number)
    })
  )

  it.effect("says why where no trial succeeded", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      const error = yield* Effect.flip(
        runStudy(study, () => Effect.fail(new Error("always")), { trials: 3, concurrency: 2 })
      )
      assert.strictEqual(error.message, "none of 3 trials gave a finite value; the last: always")
    })
  )

  it.effect("ends where the space is exhausted", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ a: Parameter.int(1, 4) })
      const study = yield* openStudy({ ...common, space })
      const { ended, trials } = yield* runStudy(study, ({ a }) => Effect.succeed(a), {
        trials: 9,
        concurrency: 3
      })
      assert.strictEqual(ended, "space exhausted")
      assert.lengthOf(trials, 4)
    })
  )

  it.effect("gives a trial no more than its time", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      const { trials } = yield* runStudy(
        study,
        (configuration, { number }) => (number === 1 ? Effect.never : objective(configuration)),
        { trials: 3, trialTimeLimit: "20 millis" }
      )
      assert.deepStrictEqual(trials[1].outcome, { status: "failed", reason: "took longer than its 20ms" })
    })
  )

  it.effect("leaves trials that its own time limit cut off to a later run", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      const interrupted: Array<number> = []
      const hanging = (configuration: Bowl, { number }: { readonly number: number }) =>
        number < 2
          ? objective(configuration)
          : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push(number)))
      const cut = yield* Effect.scoped(
        Effect.gen(function* () {
          const study = yield* openBowl({ journal })
          return yield* runStudy(study, hanging, { trials: 6, concurrency: 2, timeLimit: "200 millis" })
        })
      )
      assert.strictEqual(cut.ended, "time limit")
      assert.deepStrictEqual(interrupted, [2, 3])
      const study = yield* openBowl({ journal })
      const whole = yield* runStudy(study, objective, { trials: 6, concurrency: 2 })
      assert.strictEqual(whole.ended, "trials")
      const alone = yield* openBowl()
      yield* runStudy(alone, objective, { trials: 6, concurrency: 2 })
      assert.deepStrictEqual(yield* shown(study), yield* shown(alone))
    })
  )

  it.effect("is interruptible, and the study goes on from there", () =>
    Effect.gen(function* () {
      const journal = yield* temporaryFile
      const reached = yield* Deferred.make<void>()
      const stuck = (configuration: Bowl, { number }: { readonly number: number }) =>
        number === 3
          ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
          : objective(configuration)
      const fiber = yield* Effect.forkChild(
        Effect.scoped(Effect.flatMap(openBowl({ journal }), (study) => runStudy(study, stuck, { trials: 7 })))
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      const study = yield* openBowl({ journal })
      const { trials } = yield* runStudy(study, objective, { trials: 7 })
      const alone = yield* openBowl()
      yield* runStudy(alone, objective, { trials: 7 })
      assert.deepStrictEqual(yield* shown(study), yield* shown(alone))
      assert.isTrue(trials.every(({ outcome }) => outcome?.status === "complete"))
    })
  )

  it.effect("streams one info a finished trial, with the best so far", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      const infos = yield* Stream.runCollect(streamStudy(study, objective, { trials: 12, concurrency: 3 }))
      assert.deepStrictEqual(
        infos.map(({ finished }) => finished),
        Array.from({ length: 12 }, (_, i) => i + 1)
      )
      let best = Infinity
      for (const info of infos) {
        best = Math.min(best, bowl(info.trial.configuration))
        assert.deepStrictEqual(info.best?.outcome, { status: "complete", value: best })
      }
    })
  )

  it.effect("ends a stream that is no longer listened to, and its trials with it", () =>
    Effect.gen(function* () {
      const study = yield* openBowl()
      const infos = yield* streamStudy(study, objective, { trials: 100, concurrency: 4 }).pipe(
        Stream.take(5),
        Stream.runCollect
      )
      assert.lengthOf(infos, 5)
      const state = yield* study.refresh
      assert.isTrue(state.running.every(({ owner }) => owner === undefined))
    })
  )

  it.effect("chooses and prunes the same points whichever of several trials finishes first", () =>
    Effect.gen(function* () {
      const space = yield* bowlSpace
      // A sampler whose every point depends on all it knows.
      const sampler = {
        name: "sum",
        start: (problem: Parameters<typeof common.sampler.start>[0]) => ({
          propose: (
            history: Parameters<ReturnType<typeof common.sampler.start>["propose"]>[0],
            count: number
          ) => {
            const sum = history.told.reduce((total, { row, loss }) => total + row[0] * loss, 0)
            const row = Float64Array.of(
              (sum * 7.3 +
                0.1 +
                history.told.length / 50 +
                history.pending.reduce((total, row, i) => total + row[0] * (i + 1), 0.1) / 7) %
                1,
              3,
              0
            )
            return count === 1 ? [row] : common.sampler.start(problem).propose(history, count)
          }
        })
      }
      const trialsWhere = (delay: (number: number) => number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const study = yield* openStudy({ ...common, sampler, space, pruning: { factor: 2 } })
            yield* runStudy(
              study,
              (configuration, { number, report }) =>
                Effect.gen(function* () {
                  yield* report(1, bowl(configuration))
                  yield* Effect.sleep(`${delay(number)} millis`)
                  yield* report(2, bowl(configuration) + 1)
                  return bowl(configuration)
                }),
              { trials: 16, concurrency: 4 }
            )
            return (yield* shown(study)).toSorted((one, other) => one.number - other.number)
          })
        )
      const early = yield* trialsWhere((number) => number % 4)
      const late = yield* trialsWhere((number) => 5 - (number % 5))
      assert.deepStrictEqual(early, late)
      assert.isAbove(early.filter(({ outcome }) => outcome?.status === "pruned").length, 0)
    })
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("pruning", (it) => {
  it.effect("gives up at a rung what is not among the best third there", () =>
    Effect.gen(function* () {
      const space = yield* bowlSpace
      const study = yield* openStudy({ ...common, space, pruning: { firstStep: 2, factor: 3 } })
      yield* study.ask(7)
      const goesOn: Array<boolean> = []
      // Losses at the first rung: of n the best max(1, floor(n / 3)) go on.
      for (const [number, value] of [5, 6, 4, 4.5, 7, 4.2, 3].entries()) {
        assert.isTrue(yield* study.report(number, 1, 100))
        goesOn.push(yield* study.report(number, 2, value))
      }
      assert.deepStrictEqual(goesOn, [true, false, true, false, false, true, true])
      // Between rungs nothing is judged; at step 6 the next is reached.
      assert.isTrue(yield* study.report(0, 3, 1000))
      assert.isTrue(yield* study.report(0, 6, 5))
      assert.isTrue(yield* study.report(2, 7, 3))
      assert.isFalse(yield* study.report(5, 8, 4))
      assert.isFalse(yield* study.report(6, 6, Number.NaN))
      const back = yield* Effect.flip(study.report(2, 7, 1))
      assert.include(back.message, "above 7")
    })
  )

  it.effect("ends trials in a run by a typed failure, and samplers learn what they had", () =>
    Effect.gen(function* () {
      const space = yield* bowlSpace
      const study = yield* openStudy({ ...common, space, goal: "maximise", pruning: { factor: 2 } })
      const released: Array<number> = []
      const { trials, best } = yield* runStudy(
        study,
        (configuration, trial) =>
          Effect.gen(function* () {
            for (let step = 1; step <= 8; step++) yield* trial.report(step, -bowl(configuration) - 1 / step)
            return -bowl(configuration)
          }).pipe(Effect.ensuring(Effect.sync(() => released.push(trial.number)))),
        { trials: 20 }
      )
      const pruned = trials.filter(({ outcome }) => outcome?.status === "pruned")
      assert.isAbove(pruned.length, 4)
      assert.lengthOf(released, 20)
      assert.strictEqual(
        best.number,
        trials.reduce((a, b) => (bowl(b.configuration) < bowl(a.configuration) ? b : a)).number
      )
      const { told } = (yield* study.refresh).history()
      for (const trial of pruned) {
        const value = trial.reports[trial.reports.length - 1].value
        assert.strictEqual(told[trial.number].loss, -value)
      }
    })
  )
})
