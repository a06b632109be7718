import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { workers as makeWorkers } from "../../../src/Layers/index.ts"
import { onWorkers } from "../../../src/TetraOpt/index.ts"
import { runStudy } from "../../../src/TetraOpt/study/Run.ts"
import { openStudy } from "../../../src/TetraOpt/study/Study.ts"
import { bowl, bowlSpace, common } from "./bowl.ts"
import type task from "./threadObjective.ts"

const module = new URL("./threadObjective.ts", import.meta.url)

layer(NodeServices.layer, { excludeTestServices: true })("a study on worker threads", (it) => {
  it.effect("makes failed trials of threads that crash or hang, prunes, and goes on", () =>
    Effect.gen(function* () {
      const workers = yield* makeWorkers<typeof task>({ module, size: 2, grace: "10 millis" })
      const study = yield* openStudy({ ...common, space: yield* bowlSpace, pruning: { factor: 2 } })
      const { trials } = yield* runStudy(study, onWorkers(workers), {
        trials: 16,
        concurrency: 2,
        trialTimeLimit: "8 seconds"
      })
      const reasons = trials
        .slice(1, 5)
        .map(({ outcome }) => (outcome?.status === "failed" ? outcome.reason : ""))
      assert.deepStrictEqual(reasons, [
        "the worker thread ended in the middle of its task: exit code 3",
        "took longer than its 8s",
        "a failure",
        "the objective gave NaN"
      ])
      const others = trials.filter(({ number }) => number === 0 || number > 4)
      const pruned = others.filter(({ outcome }) => outcome?.status === "pruned")
      assert.isAbove(pruned.length, 0)
      for (const { configuration, outcome, reports } of others)
        assert.deepStrictEqual(
          outcome,
          outcome?.status === "pruned"
            ? { status: "pruned", ...reports[reports.length - 1] }
            : { status: "complete", value: bowl(configuration) }
        )
    })
  )
})
