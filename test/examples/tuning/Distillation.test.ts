import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import {
  modelOf,
  originalNumbers,
  planOf,
  settingsSpace,
  usualSettings
} from "../../../examples/tuning/Distillation.ts"
import { Plan, planCounts } from "../../../src/Compress/index.ts"
import { ModelConfig, weightSizes } from "../../../src/Model/index.ts"
import { key } from "../../../src/Random/index.ts"
import { random, TetraOpt } from "../../../src/TetraOpt/index.ts"

const job = { steps: 10, size: 0.65 }

layer(NodeServices.layer)("the settings of a distillation", (it) => {
  it.effect("make plans that fit the shipped model, and none that stores too much is asked for", () =>
    Effect.gen(function* () {
      const config = yield* ModelConfig.read(`${modelOf(job)}/config.json`)
      const original = originalNumbers(config)
      assert.strictEqual(original, 3_111_936)
      const space = yield* settingsSpace(job, config, original)
      const usual = usualSettings(job, config, original)
      assert.isDefined(space.row({ ...usual }))
      const tetra = yield* TetraOpt
      const study = yield* tetra.study({ space, key: key(1), sampler: random, first: [usual] })
      for (const { configuration } of yield* study.ask(30)) {
        const plan = planOf(configuration, config)
        yield* Plan.validate(plan, weightSizes(config))
        assert.isAtMost(planCounts(plan, config).stored, job.size * original)
      }
      // One more term in each layer would be too much.
      const more = {
        ...usual,
        ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((layer) => [`terms${layer}`, usual.terms0 + 1]))
      }
      assert.isAbove(planCounts(planOf(more, config), config).stored, job.size * original)
    }).pipe(Effect.provide(TetraOpt.layer))
  )

  it("are those of the model that a job names", () => {
    const shipped = fileURLToPath(new URL("../../../models/state-of-the-union", import.meta.url))
    assert.strictEqual(modelOf(job), shipped)
    assert.strictEqual(modelOf({ ...job, model: "elsewhere" }), "elsewhere")
  })
})
