import { assert, describe, it } from "@effect/vitest"
import { Arena, assertClose, floats } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const rowsOf = (x: ReadonlyArray<number>, columns: number): Array<Array<number>> =>
  Array.from({ length: columns ? x.length / columns : 0 }, (_, r) => x.slice(r * columns, (r + 1) * columns))
const sum = (x: ReadonlyArray<number>): number => x.reduce((a, b) => a + b, 0)

const softmax = (x: ReadonlyArray<number>): Array<number> => {
  const greatest = Math.max(...x)
  const e = x.map((v) => Math.exp(v - greatest))
  const total = sum(e)
  return e.map((v) => v / total)
}
const softmaxGradient = (y: ReadonlyArray<number>, g: ReadonlyArray<number>): Array<number> => {
  const mean = sum(y.map((v, i) => v * g[i]))
  return y.map((v, i) => v * (g[i] - mean))
}

const widths = [1, 2, 3, 4, 5, 8, 17, 64, 130]
const rows = 3

describe.each(floats)("row kernels (%s)", (type) => {
  const tolerance = type === "f32" ? 1e-6 : 2e-15

  it.each(widths)("softmax and its gradient over %i columns, also in place", (columns) => {
    arena.reset()
    const x = arena.random(type, rows * columns, -20, 20)
    const g = arena.random(type, rows * columns)
    const [from, out, upstream, dx] = [
      arena.put(type, x),
      arena.allocate(type, x.length),
      arena.put(type, g),
      arena.allocate(type, x.length)
    ]
    kernels[`softmax_${type}`](from, out, rows, columns)
    const y = arena.read(type, out, x.length)
    assertClose(y, rowsOf(x, columns).flatMap(softmax), 4 * tolerance, 1e-30)
    kernels[`softmax_${type}`](from, from, rows, columns)
    assert.deepStrictEqual(arena.read(type, from, x.length), y)
    kernels[`softmaxGradient_${type}`](out, upstream, dx, rows, columns)
    const expected = rowsOf(y, columns).flatMap((row, r) => softmaxGradient(row, rowsOf(g, columns)[r]))
    assertClose(arena.read(type, dx, x.length), expected, tolerance, 2)
    arena.checkGuards()
  })

  it("softmax of infinite and of large logits", () => {
    arena.reset()
    const out = arena.allocate(type, 10)
    const x = arena.put(type, [1e30, 1e30, -1e30, 0, 0, 1, -Infinity, 1, -Infinity, -Infinity])
    kernels[`softmax_${type}`](x, out, 2, 5)
    assert.deepStrictEqual(arena.read(type, out, 10), [0.5, 0.5, 0, 0, 0, 0.5, 0, 0.5, 0, 0])
  })

  it.each([
    [5, 5, 0],
    [3, 7, 4],
    [7, 3, 0],
    [4, 6, -2],
    [0, 4, 0],
    [33, 33, 0]
  ])("causal softmax of %i x %i at offset %i, and its gradient", (count, columns, offset) => {
    arena.reset()
    const scale = 0.125
    const x = arena.random(type, count * columns, -30, 30)
    const g = arena.random(type, count * columns)
    const place = arena.put(type, x)
    kernels[`causalSoftmax_${type}`](place, place, count, columns, scale, offset)
    const y = arena.read(type, place, x.length)
    const visible = (row: Array<number>, r: number) => row.slice(0, Math.max(0, r + offset + 1))
    const padded = (row: Array<number>) => [...row, ...Array.from({ length: columns - row.length }, () => 0)]
    const stored = type === "f32" ? Math.fround(scale) : scale
    assertClose(
      y,
      rowsOf(x, columns).flatMap((row, r) => padded(softmax(visible(row, r).map((v) => v * stored)))),
      4 * tolerance
    )
    const gradient = arena.put(type, g)
    kernels[`causalSoftmaxGradient_${type}`](place, gradient, gradient, count, columns, scale, offset)
    arena.checkGuards()
    const expected = rowsOf(y, columns).flatMap((row, r) =>
      padded(softmaxGradient(visible(row, r), visible(rowsOf(g, columns)[r], r)).map((v) => v * stored))
    )
    assertClose(arena.read(type, gradient, g.length), expected, tolerance, 1)
  })

  it.each(widths)("layer normalisation over %i columns and its gradients", (columns) => {
    for (const count of [0, 1, 3, 200]) {
      arena.reset()
      const epsilon = 1e-5
      const x = arena.random(type, count * columns, 1, 4)
      const g = arena.random(type, count * columns)
      const [gain, bias] = [arena.random(type, columns), arena.random(type, columns)]
      const [px, pg, pgain, pbias] = [
        arena.put(type, x),
        arena.put(type, g),
        arena.put(type, gain),
        arena.put(type, bias)
      ]
      const [out, dx] = [arena.allocate(type, x.length), arena.allocate(type, x.length)]
      const [mean, inverse] = [arena.allocate(type, count), arena.allocate(type, count)]
      const [dgain, dbias] = [arena.allocate(type, columns), arena.allocate(type, columns)]
      kernels[`layerNorm_${type}`](px, pgain, pbias, out, mean, inverse, count, columns, epsilon)
      kernels[`layerNormGradientInput_${type}`](px, pgain, mean, inverse, pg, dx, count, columns)
      const middle = Math.floor(columns / 2)
      for (const [from, to] of [
        [0, middle],
        [middle, columns]
      ])
        kernels[`layerNormGradientParameters_${type}`](
          px,
          mean,
          inverse,
          pg,
          dgain,
          dbias,
          count,
          columns,
          from,
          to
        )
      arena.checkGuards()
      const xs = rowsOf(x, columns)
      const gs = rowsOf(g, columns)
      const means = xs.map((row) => sum(row) / columns)
      const inverses = xs.map(
        (row, r) => 1 / Math.sqrt(sum(row.map((v) => (v - means[r]) ** 2)) / columns + epsilon)
      )
      const normals = xs.map((row, r) => row.map((v) => (v - means[r]) * inverses[r]))
      assertClose(arena.read(type, mean, count), means, tolerance)
      // With one column the deviation is all rounding error.
      if (columns === 1) continue
      const loose = tolerance * 30
      assertClose(arena.read(type, inverse, count), inverses, loose)
      assertClose(
        arena.read(type, out, x.length),
        normals.flatMap((row) => row.map((v, c) => v * gain[c] + bias[c])),
        loose,
        4
      )
      const expected = normals.flatMap((row, r) => {
        const h = gs[r].map((v, c) => v * gain[c])
        const [offset, slope] = [sum(h) / columns, sum(h.map((v, c) => v * row[c])) / columns]
        return h.map((v, c) => inverses[r] * (v - offset - row[c] * slope))
      })
      assertClose(arena.read(type, dx, x.length), expected, loose, 10 * Math.max(...inverses))
      const columnSum = (f: (r: number, c: number) => number) =>
        gain.map((_, c) => sum(xs.map((_, r) => f(r, c))))
      assertClose(
        arena.read(type, dgain, columns),
        columnSum((r, c) => gs[r][c] * normals[r][c]),
        loose,
        30
      )
      assertClose(
        arena.read(type, dbias, columns),
        columnSum((r, c) => gs[r][c]),
        loose,
        30
      )
    }
  })
})
