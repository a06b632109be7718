import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Layers from "../../src/Layers/index.ts"
import { key } from "../../src/Random/index.ts"
import { Backend, Tensor } from "../../src/Tensor/index.ts"
import { evaluate, pointwise, TensorTrains } from "../../src/TensorTrain/index.ts"
import { byDefinition, distance, lengthOf, normals, sizeOf, skewness } from "./onTrains.ts"

/** The mock as if it knew no float64, like a GPU: what the host works out must not depend on that. */
const withoutFloat64 = Layer.effect(
  Backend,
  Effect.map(Backend, (kernels) => Backend.of({ ...kernels, dtypes: new Set(["float32", "int32"] as const) }))
).pipe(Layer.provide(Layers.mock({ defaultFloat: "float32" })))

const modes = [60, 6, 8]
const values = (): Float64Array => {
  const all = new Float64Array(sizeOf(modes))
  for (let e = 0; e < all.length; e++)
    all[e] = 1 / (1 + Math.floor(e / 48) + (Math.floor(e / 8) % 6) + (e % 8))
  return all
}

describe.each([
  ["cpu", Layers.cpu()],
  ["cpu, WebAssembly", Layers.cpu({ engine: "wasm" })],
  ["mock", Layers.mock()],
  ["a backend without float64", withoutFloat64]
] as const)("tensor trains on %s", (_, layer) => {
  it.effect("decomposition and rounding keep their tolerances", () =>
    Effect.gen(function* () {
      const trains = yield* TensorTrains
      const a = values()
      for (const tolerance of [1e-2, 1e-6, 1e-10]) {
        const train = yield* trains.fromDense({ values: a, shape: modes }, { tolerance })
        assert.isAtMost(distance(byDefinition(train), a), tolerance * lengthOf(a))
        const exact = yield* trains.fromDense({ values: a, shape: modes }, { tolerance: 0 })
        const rounded = yield* trains.round(yield* trains.add(exact, exact), { tolerance })
        const doubled = a.map((value) => 2 * value)
        assert.isAtMost(distance(byDefinition(rounded), doubled), tolerance * lengthOf(doubled))
      }
    }).pipe(Effect.provide([TensorTrains.layer, layer]))
  )

  it.effect("a wide matrix of many rows keeps its tolerance", () =>
    Effect.gen(function* () {
      const trains = yield* TensorTrains
      const noise = normals(1, 140 * 160)
      for (const tolerance of [0.3, 1e-9]) {
        const train = yield* trains.fromDense({ values: noise, shape: [140, 160] }, { tolerance })
        assert.isAtMost(distance(byDefinition(train), noise), tolerance * lengthOf(noise))
        assert.isBelow(skewness(train.cores[1], train.ranks[1]), 1e-12)
      }
    }).pipe(Effect.provide([TensorTrains.layer, layer]))
  )

  it.effect("cross approximation finds planted ranks, and a TT-matrix its matrix", () =>
    Effect.gen(function* () {
      const trains = yield* TensorTrains
      const planted = yield* trains.random([6, 5, 7, 4], 3, key(1))
      const found = yield* trains.fromFunction(
        planted.modes,
        pointwise((index) => evaluate(planted, index)[0])
      )
      assert.deepStrictEqual(found.train.ranks, planted.ranks)
      const w = yield* Tensor.fromArray(values(), [60, 48])
      const fit = yield* trains.fitMatrix(w, { inputs: [10, 6], outputs: [6, 8], tolerance: 1e-3 })
      assert.isAtMost(fit.relativeError, 1e-3)
    }).pipe(Effect.provide([TensorTrains.layer, layer]))
  )
})
