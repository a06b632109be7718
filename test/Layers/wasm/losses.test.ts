import { assert, describe, it } from "@effect/vitest"
import { Arena, assertClose, floats } from "./Arena.ts"

const arena = new Arena()
const { kernels } = arena

const sum = (x: ReadonlyArray<number>): number => x.reduce((a, b) => a + b, 0)
const logSumExp = (x: ReadonlyArray<number>): number => {
  const greatest = Math.max(...x)
  return greatest + Math.log(sum(x.map((v) => Math.exp(v - greatest))))
}
const row = (x: ReadonlyArray<number>, r: number, columns: number): Array<number> =>
  x.slice(r * columns, (r + 1) * columns)

const widths = [1, 2, 3, 4, 5, 17, 1030]

describe.each(floats)("losses (%s)", (type) => {
  const tolerance = type === "f32" ? 2e-6 : 5e-15

  it.each(widths)("cross entropy over %i classes and its gradient", (columns) => {
    arena.reset()
    const targets = [0, columns - 1, -1, Math.floor(columns / 2)]
    const rows = targets.length
    const x = arena.random(type, rows * columns, -10, 10)
    const g = arena.random(type, rows)
    const [logits, place] = [arena.put(type, x), arena.put("i32", targets)]
    const [losses, normalisers, out] = [
      arena.allocate(type, rows),
      arena.allocate(type, rows),
      arena.allocate(type, x.length)
    ]
    kernels[`crossEntropy_${type}`](logits, place, losses, normalisers, rows, columns)
    kernels[`crossEntropyGradient_${type}`](
      logits,
      place,
      normalisers,
      arena.put(type, g),
      out,
      rows,
      columns
    )
    arena.checkGuards()
    const expected = targets.map((_, r) => logSumExp(row(x, r, columns)))
    assertClose(arena.read(type, normalisers, rows), expected, tolerance, 1)
    assertClose(
      arena.read(type, losses, rows),
      targets.map((t, r) => (t < 0 ? 0 : expected[r] - x[r * columns + t])),
      tolerance,
      10
    )
    assertClose(
      arena.read(type, out, x.length),
      x.map((v, i) => {
        const r = Math.floor(i / columns)
        const hit = i % columns === targets[r] ? 1 : 0
        return targets[r] < 0 ? 0 : g[r] * (Math.exp(v - expected[r]) - hit)
      }),
      tolerance,
      1
    )
  })

  it.each(widths)("divergence of a student from a teacher over %i classes and its gradient", (columns) => {
    arena.reset()
    const rows = 3
    const temperature = 2.5
    const s = arena.random(type, rows * columns, -8, 8)
    const t = arena.random(type, rows * columns, -8, 8)
    const g = arena.random(type, rows)
    const [student, teacher] = [arena.put(type, s), arena.put(type, t)]
    const [losses, out] = [arena.allocate(type, rows), arena.allocate(type, s.length)]
    const [sNormalisers, tNormalisers] = [arena.allocate(type, rows), arena.allocate(type, rows)]
    kernels[`divergence_${type}`](
      student,
      teacher,
      losses,
      sNormalisers,
      tNormalisers,
      rows,
      columns,
      temperature
    )
    const upstream = arena.put(type, g)
    kernels[`divergenceGradient_${type}`](
      student,
      teacher,
      sNormalisers,
      tNormalisers,
      upstream,
      out,
      rows,
      columns,
      temperature
    )
    arena.checkGuards()
    const logs = (x: ReadonlyArray<number>) =>
      Array.from({ length: rows }, (_, r) => {
        const scaled = row(x, r, columns).map((v) => v / temperature)
        return scaled.map((v) => v - logSumExp(scaled))
      })
    const [logQ, logP] = [logs(s), logs(t)]
    assertClose(
      arena.read(type, losses, rows),
      logP.map((p, r) => sum(p.map((v, c) => Math.exp(v) * (v - logQ[r][c])))),
      tolerance,
      5
    )
    assertClose(
      arena.read(type, out, s.length),
      logP.flatMap((p, r) => p.map((v, c) => (g[r] * (Math.exp(logQ[r][c]) - Math.exp(v))) / temperature)),
      tolerance,
      1
    )
  })

  it("the same logits have no divergence; an impossible class of the teacher adds none", () => {
    arena.reset()
    const t = [1, 2, -Infinity, 0.5, 3]
    const teacher = arena.put(type, t)
    const student = arena.put(type, [1, 2, -7, 0.5, 3])
    const out = arena.allocate(type, 3)
    const size = type === "f32" ? 4 : 8
    kernels[`divergence_${type}`](teacher, teacher, out, out + size, out + 2 * size, 1, 2, 1)
    assert.strictEqual(arena.read(type, out, 1)[0], 0)
    kernels[`divergence_${type}`](student, teacher, out, out + size, out + 2 * size, 1, 5, 1)
    const loss = arena.read(type, out, 1)[0]
    assert.isTrue(loss > 0 && loss < 1e-3)
  })
})
