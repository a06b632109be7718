import { assert, describe, it } from "@effect/vitest"
import { dropoutKeeps } from "../../../src/Layers/wasm/DropoutHash.ts"
import { Arena, assertClose, floats } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena
const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 17]

describe.each(floats)("training kernels (%s)", (type) => {
  it.each(lengths)("AdamW over %i parameters, two steps", (n) => {
    arena.reset()
    const [rate, beta1, beta2, epsilon, decay] = [0.01, 0.9, 0.999, 1e-8, 0.1]
    const scale = 0.5
    const p = arena.random(type, n)
    const m = arena.random(type, n, -0.1, 0.1)
    const v = arena.random(type, n, 0.001, 0.1)
    const [pp, pm, pv] = [arena.put(type, p), arena.put(type, m), arena.put(type, v)]
    const factor = arena.put(type, [scale])
    for (let step = 1; step <= 2; step++) {
      const g = arena.random(type, n)
      const [c1, c2] = [1 - beta1 ** step, 1 - beta2 ** step]
      const pg = arena.put(type, g)
      kernels[`adamW_${type}`](pp, pg, pm, pv, n, factor, rate, beta1, beta2, epsilon, decay, c1, c2)
      assert.deepStrictEqual(arena.read(type, pg, n), g)
      for (let i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * scale * g[i]
        v[i] = beta2 * v[i] + (1 - beta2) * (scale * g[i]) ** 2
        p[i] -= rate * (m[i] / c1 / (Math.sqrt(v[i] / c2) + epsilon) + decay * p[i])
      }
    }
    arena.checkGuards()
    const tolerance = type === "f32" ? 5e-7 : 1e-15
    assertClose(arena.read(type, pm, n), m, tolerance, 0.1)
    assertClose(arena.read(type, pv, n), v, tolerance)
    assertClose(arena.read(type, pp, n), p, tolerance, 1)
  })

  it.each(lengths)("dropout of %i elements keeps what the reference keeps, from any start", (n) => {
    for (const [start, rate, low, high] of [
      [0, 0.1, 1, 2],
      [1_000_003, 0.5, 0xdeadbeef, 0],
      [4_294_967_290, 0.9, 7, 0xffffffff],
      [5, 0, 1, 1],
      [5, 1, 1, 1]
    ]) {
      arena.reset()
      const x = arena.random(type, n)
      const out = arena.allocate(type, n)
      kernels[`dropout_${type}`](arena.put(type, x), out, n, start, rate, low, high)
      arena.checkGuards()
      assertClose(
        arena.read(type, out, n),
        x.map((v, i) => (dropoutKeeps(start + i, rate, low, high) ? v / (1 - rate) : 0)),
        type === "f32" ? 2e-7 : 5e-16
      )
    }
  })
})

describe("the dropout hash", () => {
  // Counts are binomial: five standard deviations are exceeded once in 1.7 million.
  const n = 100_000
  const within = (count: number, probability: number): void => {
    const deviation = Math.sqrt(n * probability * (1 - probability))
    assert.isBelow(Math.abs(count - n * probability), 5 * deviation)
  }

  it.each([0.1, 0.5, 0.9])("keeps 1 - rate of the elements at rate %f", (rate) => {
    for (const seed of [0, 1, 2, 77])
      within(
        Array.from({ length: n }, (_, i) => i).filter((i) => dropoutKeeps(i, rate, seed, 0)).length,
        1 - rate
      )
  })

  it("is independent between neighbours, seeds and halves of the seed", () => {
    const pairs: ReadonlyArray<(i: number) => boolean> = [
      (i) => dropoutKeeps(i, 0.5, 3, 4) === dropoutKeeps(i + 1, 0.5, 3, 4),
      (i) => dropoutKeeps(i, 0.5, 3, 4) === dropoutKeeps(i, 0.5, 2, 4),
      (i) => dropoutKeeps(i, 0.5, 3, 4) === dropoutKeeps(i ^ 1, 0.5, 2, 4),
      (i) => dropoutKeeps(i, 0.5, 3, 4) === dropoutKeeps(i, 0.5, 3, 5),
      (i) => dropoutKeeps(i, 0.5, 3, 4) === dropoutKeeps(i, 0.5, 4, 3),
      (i) => dropoutKeeps(i, 0.5, 3, 4) === dropoutKeeps(i + 768, 0.5, 3, 4)
    ]
    for (const same of pairs) within(Array.from({ length: n }, (_, i) => i).filter(same).length, 0.5)
  })
})
