import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { key } from "../../src/Random/index.ts"
import { type Configuration, Parameter, pointwise, Space, TetraOpt } from "../../src/TetraOpt/index.ts"
import { blocksMissing } from "../readmeBlocks.ts"

const directory = mkdtempSync(join(tmpdir(), "tesserae-readme-"))
const journal = join(directory, "study.jsonl")
afterAll(() => rmSync(directory, { recursive: true }))

// What follows is in the README, letter by letter.
const program = Effect.gen(function* () {
  const tetra = yield* TetraOpt
  const space = yield* Space.make({
    rate: Parameter.float(1e-5, 1, { scale: "log" }),
    layers: Parameter.int(1, 8),
    optimizer: Parameter.categorical(["adamw", "sgd"]),
    // Exists only where the optimizer is sgd.
    momentum: Parameter.conditional(Parameter.float(0, 0.99), { optimizer: ["sgd"] })
  })
  const study = yield* tetra.study({ space, key: key(1), trials: 40, journal })
  const objective = (settings: Configuration<typeof space>) =>
    settings.layers === 3
      ? Effect.fail(new Error("three layers never work"))
      : Effect.succeed(
          (Math.log10(settings.rate) + 3) ** 2 +
            (settings.layers - 5) ** 2 +
            (settings.optimizer === "sgd" ? (settings.momentum ?? 0) : 0.5)
        )
  return yield* tetra.run(study, objective, { trials: 40, concurrency: 4 })
})

const cheap = Effect.gen(function* () {
  const tetra = yield* TetraOpt
  const space = yield* Space.make({ x: Parameter.float(-2, 2), y: Parameter.float(-2, 2) })
  const { configuration, value, candidates } = yield* tetra.minimize(
    pointwise(({ x, y }) => (x - 1) ** 2 + 100 * (y - x * x) ** 2),
    space,
    { evaluations: 100_000, key: key(1) }
  )
  return { configuration, value, candidates }
})

describe("the README's examples", () => {
  it("are these", () => {
    assert.deepStrictEqual(blocksMissing("src/TetraOpt/README.md", import.meta.filename), [])
  })

  it.live("finds the five layers and a rate near 0.001, and the same again from its journal", () =>
    Effect.gen(function* () {
      const { best, trials, ended } = yield* program
      assert.strictEqual(ended, "trials")
      assert.lengthOf(trials, 40)
      assert.strictEqual(best.configuration.layers, 5)
      assert.isBelow(Math.abs(Math.log10(best.configuration.rate) + 3), 0.7)
      for (const { configuration, outcome } of trials) {
        assert.strictEqual(outcome?.status, configuration.layers === 3 ? "failed" : "complete")
        assert.strictEqual(configuration.momentum === undefined, configuration.optimizer === "adamw")
      }
      const again = yield* program
      assert.strictEqual(again.best.number, best.number)
    }).pipe(Effect.scoped, Effect.provide(TetraOpt.layer.pipe(Layer.provide(NodeServices.layer))))
  )

  it.effect("finds the valley's end of Rosenbrock's function", () =>
    Effect.gen(function* () {
      const { configuration, value, candidates } = yield* cheap
      assert.isBelow(value, 1e-9)
      assert.closeTo(configuration.x, 1, 1e-3)
      assert.deepStrictEqual(candidates[0], { configuration, value })
    }).pipe(Effect.provide(TetraOpt.layer.pipe(Layer.provide(NodeServices.layer))))
  )
})
