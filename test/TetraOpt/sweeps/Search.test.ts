import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { absorb, initSearch, propose } from "../../../src/TetraOpt/index.ts"
import { modes, problem, search, sum } from "./searching.ts"

const normals = (label: string, count: number, length: number): ReadonlyArray<Float64Array> => {
  const random = stream(key(label))
  return Array.from({ length: count }, () => Float64Array.from({ length }, () => random.normal()))
}

describe("Search on grids", () => {
  it("finds the minimum of a sum of functions of one level each, among 20^12 points without order, in 5000", () => {
    const tables = normals("separable", 12, 20)
    const least = sum(
      tables.map((table) => Math.min(...table)),
      (x) => x
    )
    for (const seed of [1, 2, 3]) {
      const { best } = search(problem(modes(12, 20), 5000, seed), (row) =>
        sum(row, (level, k) => tables[k][level])
      )
      assert.closeTo(best?.loss ?? Number.NaN, least, 1e-12)
    }
  })

  it("finds the minimum of sums of two products, of tensor-train rank 2, that brute force knows, in a fifth of the points", () => {
    for (const seed of [1, 2, 3, 4]) {
      const factors = normals(`products ${seed}`, 12, 4)
      const product = (row: Float64Array, first: number) =>
        row.reduce((value, level, k) => value * factors[first + k][level], 1)
      const f = (row: Float64Array) => product(row, 0) + product(row, 6)
      let least = 0
      for (let e = 0; e < 4 ** 6; e++)
        least = Math.min(least, f(Float64Array.from({ length: 6 }, (_, k) => Math.floor(e / 4 ** k) % 4)))
      assert.closeTo(search(problem(modes(6, 4), 800, seed), f).best?.loss ?? Number.NaN, least, 1e-15)
    }
  })

  it("finds the ground state of chains of pairs, tensor trains of higher rank, that dynamic programming knows", () => {
    for (const [cores, levels] of [
      [12, 8],
      [20, 4],
      [50, 2]
    ]) {
      const pairs = normals(`chain of ${cores}`, cores - 1, levels * levels)
      let least = new Float64Array(levels)
      for (const pair of pairs)
        least = new Float64Array(levels).map((_, j) =>
          Math.min(...Array.from(least, (before, i) => before + pair[i * levels + j]))
        )
      const { best } = search(problem(modes(cores, levels), 30_000), (row) =>
        sum(row.subarray(1), (level, k) => pairs[k][row[k] * levels + level])
      )
      assert.closeTo(
        best?.loss ?? Number.NaN,
        Math.min(...least),
        1e-12,
        `${cores} cores of ${levels} levels`
      )
    }
  })

  it("finds one point of 2^25 in a quantised mode, and in ordered modes of 2^25 levels", () => {
    const target = 23_456_789
    const digits = search(problem(modes(25, 2), 2000), (row) => {
      const level = sum(row, (digit, k) => digit * 2 ** k)
      return ((level - target) / 2 ** 25) ** 2
    })
    assert.strictEqual(digits.best?.loss, 0)
    const targets = [123_456, 7_654_321, 33_333_333, 20_000_000]
    const rastrigin = search(problem(modes(4, 2 ** 25, true), 20_000), (row) =>
      sum(row, (level, k) => {
        const z = ((level - targets[k]) / 2 ** 25) * 10.24
        return z * z + 10 - 10 * Math.cos(2 * Math.PI * z)
      })
    )
    assert.deepStrictEqual(Array.from(rastrigin.best?.row ?? []), targets)
  })

  it("asks for no point twice, and for all of a small space, whatever the values are", () => {
    const flat = search(problem(modes(3, 4), 1000), () => 0)
    assert.strictEqual(flat.asked.length, 64)
    assert.strictEqual(new Set(flat.asked.map(String)).size, 64)
    assert.isTrue(flat.state.isOver)
    const rough = search(problem(modes(10, 3), 20_000, 5), (row) =>
      Math.sin(1e4 * sum(row, (x, k) => x * 3 ** k))
    )
    assert.strictEqual(rough.asked.length, 20_000)
    assert.strictEqual(new Set(rough.asked.map(String)).size, 20_000)
  })

  it("asks for no point twice where coordinates are real, either", () => {
    const { asked } = search(problem(modes(3, 0, true), 20_000), (row) => sum(row, (x) => (x - 0.4) ** 2))
    assert.strictEqual(asked.length, 20_000)
    assert.strictEqual(new Set(asked.map(String)).size, 20_000)
  })

  it("goes through one mode of one level and of a few", () => {
    assert.strictEqual(search(problem(modes(1, 1), 10), () => 7).asked.length, 1)
    const { asked, best } = search(problem(modes(1, 5), 10), (row) => (row[0] - 3) ** 2)
    assert.strictEqual(asked.length, 5)
    assert.strictEqual(best?.row[0], 3)
  })
})

describe("Search of boxes", () => {
  const shifted = Float64Array.of(0.31, 0.58, 0.44, 0.63, 0.37)

  it("finds the bottom of Rastrigin's function off the centre to rounding", () => {
    const { best } = search(problem(modes(5, 0, true), 20_000), (row) =>
      sum(row, (x, k) => {
        const z = 10.24 * (x - shifted[k])
        return z * z + 10 - 10 * Math.cos(2 * Math.PI * z)
      })
    )
    assert.isBelow(best?.loss ?? Number.NaN, 1e-12)
  })

  it("follows the valley of Rosenbrock's function, which lies along no axis", () => {
    const { best } = search(problem(modes(5, 0, true), 30_000), (row) => {
      const x = row.map((u) => 15 * u - 5)
      return sum(x.subarray(1), (next, k) => 100 * (next - x[k] ** 2) ** 2 + (1 - x[k]) ** 2)
    })
    assert.isBelow(best?.loss ?? Number.NaN, 1e-12)
  })

  it("puts together coordinates that belong together: the product in Griewank's function", () => {
    const { best } = search(problem(modes(5, 0, true), 40_000), (row) => {
      const x = row.map((u, k) => 1200 * (u - shifted[k]))
      return (
        1 +
        sum(x, (v) => v * v) / 4000 -
        x.reduce((product, v, k) => product * Math.cos(v / Math.sqrt(k + 1)), 1)
      )
    })
    assert.isBelow(best?.loss ?? Number.NaN, 1e-12)
  })

  it("finds a minimum in a corner", () => {
    const { best } = search(problem(modes(4, 0, true), 3000), (row) =>
      sum(row, (x, k) => (k % 2 === 0 ? x : 1 - x))
    )
    assert.strictEqual(best?.loss, 0)
  })

  it("finds the minimum over real numbers, integers and categories together", () => {
    const mixed = [...modes(3, 0, true), ...modes(2, 6), ...modes(2, 1000, true)]
    const { best } = search(problem(mixed, 20_000), ([a, b, c, first, second, m, n]) => {
      const centre = [0.3, 0.7, 0.5][first % 3]
      const pairs = (a - centre) ** 2 + 10 * (b - a) ** 2 + (c - 0.1 * second) ** 2
      return pairs + (second === 3 ? 0 : 1) + ((m - 400) / 100) ** 2 + ((n - m - 100) / 50) ** 2
    })
    assert.isBelow(best?.loss ?? Number.NaN, 1e-9)
    assert.deepStrictEqual(Array.from(best?.row.subarray(4) ?? []), [3, 400, 500])
  })
})

const rastrigin = (row: Float64Array) =>
  sum(row, (x) => {
    const z = 10 * (x - 0.43)
    return z * z + 10 - 10 * Math.cos(2 * Math.PI * z)
  })

const rowsAsked = (seed: number) =>
  search(problem(modes(4, 0, true), 3000, seed), rastrigin).asked.map(String)

const failing = (row: Float64Array) => (row[0] > 0.5 ? Number.NaN : row[1] > 0.8 ? Infinity : rastrigin(row))

const rosenbrock = (row: Float64Array) => {
  const x = row.map((u) => 4 * u - 2)
  return sum(x.subarray(1), (next, k) => 100 * (next - x[k] ** 2) ** 2 + (1 - x[k]) ** 2)
}

const isNearDiagonal = ([x, y]: Float64Array) => Math.abs(x - y) < 0.01

const isBelowDiagonal = ([x, y]: Float64Array) => x + y <= 1

/** The second coordinate does not exist where the first is 0. */
const canonical = (row: Float64Array) => {
  if (row[0] === 0) row[1] = Number.NaN
}

describe("Search as a state", () => {
  it("keeps to its budget, however small", () => {
    for (const evaluations of [1, 2, 3, 4, 5, 17, 399, 1001]) {
      const { asked, state } = search(problem(modes(4, 0, true), evaluations), rastrigin)
      assert.strictEqual(asked.length, evaluations)
      assert.strictEqual(state.evaluations, evaluations)
      assert.strictEqual(state.best?.loss, Math.min(...asked.map(rastrigin)))
    }
  })

  it("does the same for the same key, and something else for another", () => {
    assert.deepStrictEqual(rowsAsked(7), rowsAsked(7))
    assert.notDeepEqual(rowsAsked(7), rowsAsked(8))
  })

  it("goes on from a copy of its state as it would have", () => {
    for (const space of [modes(4, 0, true), modes(6, 5)]) {
      const whole = problem(space, 4000)
      const state = initSearch(whole)
      while (state.evaluations < 1500) {
        const { rows, count } = propose(state, whole)
        const d = space.length
        absorb(
          state,
          whole,
          Array.from({ length: count }, (_, i) => rastrigin(rows.subarray(i * d, (i + 1) * d)))
        )
      }
      const copy = structuredClone(state)
      const first = search(whole, rastrigin, state)
      const second = search(whole, rastrigin, copy)
      assert.deepStrictEqual(second.asked, first.asked)
      assert.deepStrictEqual(second.best, first.best)
    }
  })

  it("lives with points that fail, with all of the first ones, and with all", () => {
    assert.isBelow(search(problem(modes(3, 0, true), 10_000), failing).best?.loss ?? Number.NaN, 1e-9)
    let calls = 0
    const late = search(problem(modes(3, 0, true), 10_000), (row) =>
      calls++ < 700 ? Number.NaN : rastrigin(row)
    )
    assert.isBelow(late.best?.loss ?? Number.NaN, 1e-9)
    const none = search(problem(modes(3, 0, true), 3000), () => Number.NEGATIVE_INFINITY)
    assert.strictEqual(none.asked.length, 3000)
    assert.isUndefined(none.best)
  })

  it("never proposes what is not allowed, and ends where nothing is", () => {
    const limited = search(
      problem(modes(2, 0, true), 2000, 1, { isAllowed: isBelowDiagonal }),
      (row) => -row[0] - row[1]
    )
    assert.isTrue(limited.asked.every(isBelowDiagonal))
    assert.closeTo(limited.best?.loss ?? Number.NaN, -1, 1e-6)
    const nothing = search(problem(modes(2, 0, true), 2000, 1, { isAllowed: () => false }), () => 0)
    assert.strictEqual(nothing.asked.length, 0)
    const one = search(
      problem(modes(2, 50), 2000, 1, { isAllowed: ([a, b]) => a === 17 && b === 42 }),
      () => 5
    )
    assert.deepStrictEqual(one.asked.map(String), ["17,42"])
  })

  it("keeps an evolution strategy going where most of what it proposes is new and not allowed", () => {
    let wentOn = 0
    for (const seed of [2, 3, 4]) {
      const narrow = problem(modes(6, 0, true), 10_000, seed, { isAllowed: isNearDiagonal })
      const state = initSearch(narrow)
      let before: unknown
      for (;;) {
        const { stage, freshCount, batch } = state
        const strategy = stage.kind === "evolution" ? stage.strategy : undefined
        if (strategy !== undefined && strategy === before) wentOn++
        before = 2 * freshCount < batch.count ? strategy : undefined
        const { rows, count } = propose(state, narrow)
        if (count === 0) break
        absorb(
          state,
          narrow,
          Array.from({ length: count }, (_, i) => rosenbrock(rows.subarray(6 * i, 6 * i + 6)))
        )
      }
    }
    assert.isAbove(wentOn, 20)
  })

  it("asks once for rows that are one point", () => {
    const { asked } = search(problem(modes(2, 3), 100, 1, { canonical }), () => 0)
    assert.deepStrictEqual(asked.map(String).toSorted(), ["0,NaN", "1,0", "1,1", "1,2", "2,0", "2,1", "2,2"])
  })
})
