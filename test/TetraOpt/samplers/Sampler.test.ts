import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { key } from "../../../src/Random/index.ts"
import {
  type Observation,
  Parameter,
  type Proposer,
  random,
  rowKey,
  type Sampler,
  sobol,
  Space,
  type SearchRows,
  tetra,
  tpe
} from "../../../src/TetraOpt/index.ts"

const { categorical, conditional, float, int } = Parameter

const mixed = Space.make(
  {
    rate: float(1e-5, 1e-1, { scale: "log" }),
    layers: int(1, 8),
    width: int(1, 1_000_000_000, { scale: "log" }),
    optimizer: categorical(["adam", "sgd", "lion"]),
    momentum: conditional(float(0, 1), { optimizer: ["sgd"] }),
    nesterov: conditional(categorical([false, true]), { optimizer: ["sgd"] })
  },
  [{ name: "deep nets are narrow", holds: ({ layers, width }) => layers < 6 || width < 1e6 }]
)

/** Asks for `batch` points at a time, of which the losses come back in turn. */
const search = (
  proposer: Proposer,
  trials: number,
  lossOf: (row: Float64Array) => number,
  batch = 1
): Array<Observation> => {
  const told: Array<Observation> = []
  while (told.length < trials) {
    const rows = proposer.propose({ told, pending: [] }, batch)
    if (rows.length === 0) break
    for (const row of rows) told.push({ row, loss: lossOf(row) })
  }
  return told
}

const isCanonical = (space: SearchRows, row: Float64Array): boolean =>
  space.dimensions.every(({ levels }, k) => {
    if (!space.isActive(row, k)) return Number.isNaN(row[k])
    return levels === 0
      ? row[k] >= 0 && row[k] <= 1
      : Number.isInteger(row[k]) && row[k] >= 0 && row[k] < levels
  })

const smooth = (row: Float64Array): number =>
  row.reduce((sum, u, k) => sum + (Number.isNaN(u) ? 0.1 : (k + 1) * Math.sin(3 * Math.min(u, 1) + k)), 0)

const keysOf = (rows: ReadonlyArray<Float64Array>) => rows.map(rowKey)

describe.each<readonly [string, Sampler]>([
  ["random", random],
  ["sobol", sobol],
  ["tpe", tpe],
  ["tetra", tetra]
])("%s", (name, sampler) => {
  it("has its name", () => {
    assert.strictEqual(sampler.name, name)
  })

  it.effect("asks for canonical rows that are allowed, none twice, one at a time and in batches", () =>
    Effect.gen(function* () {
      const space = yield* mixed
      for (const batch of [1, 4]) {
        const told = search(sampler.start({ space, key: key(1) }), 40, smooth, batch)
        assert.strictEqual(new Set(told.map(({ row }) => rowKey(row))).size, 40)
        for (const { row } of told)
          assert.isTrue(isCanonical(space, row) && space.isAllowed(row), rowKey(row))
      }
    })
  )

  it.effect("never asks for what is pending", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ a: int(0, 3), b: categorical(["x", "y", "z"]) })
      const proposer = sampler.start({ space, key: key(2) })
      const pending: Array<Float64Array> = []
      for (let i = 0; i < 12; i++) pending.push(...proposer.propose({ told: [], pending }, 1))
      assert.strictEqual(new Set(keysOf(pending)).size, 12)
      assert.deepStrictEqual(proposer.propose({ told: [], pending }, 1), [])
    })
  )

  it.effect("goes through all of a small space, then asks for nothing", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ a: categorical([1, 2, 3]), b: categorical([false, true]) })
      for (const batch of [1, 4, 100]) {
        const told = search(sampler.start({ space, key: key(3) }), 100, smooth, batch)
        assert.strictEqual(new Set(told.map(({ row }) => rowKey(row))).size, 6)
        assert.strictEqual(told.length, 6)
      }
    })
  )

  it.effect("counts a configuration once whose other parameters do not exist", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({
        kind: categorical(["none", "some"]),
        size: conditional(int(1, 4), { kind: ["some"] })
      })
      assert.strictEqual(search(sampler.start({ space, key: key(4) }), 100, smooth).length, 5)
    })
  )

  it.effect("finds the few points that a constraint leaves, and none where it leaves none", () =>
    Effect.gen(function* () {
      const parameters = { a: int(0, 99), b: int(0, 99) }
      const diagonal = yield* Space.make(parameters, [
        { name: "a = b = 7 m", holds: ({ a, b }) => a === b && a % 7 === 0 }
      ])
      assert.strictEqual(search(sampler.start({ space: diagonal, key: key(5) }), 100, smooth).length, 15)
      const nothing = yield* Space.make(parameters, [{ name: "never", holds: () => false }])
      assert.deepStrictEqual(
        sampler.start({ space: nothing, key: key(5) }).propose({ told: [], pending: [] }, 3),
        []
      )
    })
  )

  it.effect("is a function of problem and history: a fresh proposer goes on as the old one would have", () =>
    Effect.gen(function* () {
      const space = yield* mixed
      const old = sampler.start({ space, key: key(6) })
      const told = search(old, 30, smooth, 3)
      const history = { told: told.slice(0, 28), pending: told.slice(28).map(({ row }) => row) }
      const expected = old.propose(history, 5)
      assert.deepStrictEqual(sampler.start({ space, key: key(6) }).propose(history, 5), expected)
      // After another history in between, and from equal observations that are other objects.
      old.propose({ told: told.slice(0, 11), pending: [] }, 2)
      old.propose({ told: told.toReversed(), pending: [] }, 2)
      const copied = history.told.map(({ row, loss }) => ({ row: row.slice(), loss }))
      assert.deepStrictEqual(old.propose({ told: copied, pending: history.pending }, 5), expected)
      assert.notDeepEqual(sampler.start({ space, key: key(7) }).propose(history, 5), expected)
    })
  )

  it.effect("bears losses that all failed, are all equal, or are no numbers", () =>
    Effect.gen(function* () {
      const space = yield* mixed
      for (const loss of [Number.POSITIVE_INFINITY, 1, Number.NaN, -1e300]) {
        const told = search(sampler.start({ space, key: key(8) }), 20, () => loss)
        assert.strictEqual(new Set(told.map(({ row }) => rowKey(row))).size, 20)
      }
      const some = search(sampler.start({ space, key: key(9) }), 30, (row) =>
        row[1] > 3 ? Number.POSITIVE_INFINITY : row[3] === 1 ? Number.NaN : smooth(row)
      )
      assert.strictEqual(new Set(some.map(({ row }) => rowKey(row))).size, 30)
    })
  )

  it.effect("searches a space of one parameter, and one of many", () =>
    Effect.gen(function* () {
      const one = yield* Space.make({ x: float(-1, 1) })
      assert.strictEqual(
        search(sampler.start({ space: one, key: key(10) }), 25, (row) => (row[0] - 0.3) ** 2).length,
        25
      )
      const many = yield* Space.make(
        Object.fromEntries(
          Array.from({ length: 140 }, (_, k) => [`x${k}`, k % 2 === 0 ? float(0, 1) : int(0, 5)])
        )
      )
      const told = search(sampler.start({ space: many, key: key(11) }), 12, smooth)
      for (const { row } of told) assert.isTrue(isCanonical(many, row))
    })
  )
})

/** Losses of a row of `d` parameters: a planted value each, and pairs that must agree. */
const planted =
  (d: number) =>
  (row: Float64Array): number => {
    let loss = 0
    for (let k = 0; k < d; k++) loss += row[k] === (k * 3 + 1) % 5 ? 0 : 1 + 0.1 * row[k]
    for (let k = 0; k + 1 < d; k += 2) if (row[k] === row[k + 1]) loss += 0.7
    return loss
  }

const trialsUntil = (
  sampler: Sampler,
  space: SearchRows,
  seed: number,
  isFound: (row: Float64Array) => boolean,
  lossOf: (row: Float64Array) => number,
  most: number
): number => {
  const proposer = sampler.start({ space, key: key(seed) })
  const told = [] as Array<Observation>
  while (told.length < most) {
    const [row] = proposer.propose({ told, pending: [] }, 1)
    told.push({ row, loss: lossOf(row) })
    if (isFound(row)) break
  }
  return told.length
}

describe.each<readonly [string, Sampler, number]>([
  ["tpe", tpe, 200],
  ["tetra", tetra, 80]
])("%s on planted optima", (_, sampler, most) => {
  it.effect(`finds one of 15 625 settings, with pairs that interact, within ${most} trials`, () =>
    Effect.gen(function* () {
      const space = yield* Space.make(
        Object.fromEntries(Array.from({ length: 6 }, (_, k) => [`p${k}`, categorical([0, 1, 2, 3, 4])]))
      )
      const lossOf = planted(6)
      // Random search would need 15 625 / 2 trials on the average.
      for (const seed of [1, 2, 3])
        assert.isBelow(
          trialsUntil(sampler, space, seed, (row) => lossOf(row) === 0, lossOf, most + 1),
          most + 1
        )
    })
  )
})

const branchLoss = (row: Float64Array) => (row[0] === 1 ? 2 * Math.abs(row[1] - 0.8) - 0.5 : row[0] * 0.1)

describe("tetra where parameters are numbers", () => {
  it.effect("comes near the minimum of a shifted valley in 60 trials", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({
        x: float(-2, 2),
        y: float(1e-4, 1, { scale: "log" }),
        n: int(1, 1000, { scale: "log" })
      })
      const lossOf = (row: Float64Array): number => {
        const { x, y, n } = space.configuration(row)
        return (x - 0.7) ** 2 + 0.3 * (Math.log10(y) + 2.2) ** 2 + 0.2 * Math.log10(n / 40) ** 2
      }
      const bestOf = (sampler: Sampler) =>
        Math.min(...search(sampler.start({ space, key: key(12) }), 60, lossOf).map(({ loss }) => loss))
      assert.isBelow(bestOf(tetra), 2e-3)
      assert.isAbove(bestOf(random), 2e-3)
    })
  )

  it.effect("finds the better branch of a condition", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({
        kind: categorical(["a", "b", "c"]),
        inner: conditional(float(0, 1), { kind: ["b"] })
      })
      const best = Math.min(
        ...search(tetra.start({ space, key: key(13) }), 30, branchLoss).map(({ loss }) => loss)
      )
      assert.isBelow(best, -0.45)
    })
  )

  it.effect(
    "goes on past the number of points that its model holds, and stays a function of the history",
    () =>
      Effect.gen(function* () {
        const space = yield* Space.make(
          Object.fromEntries(Array.from({ length: 5 }, (_, k) => [`p${k}`, int(0, 9)]))
        )
        const drawn = search(random.start({ space, key: key(14) }), 900, planted(5))
        const old = tetra.start({ space, key: key(15) })
        for (const n of [100, 500, 899]) old.propose({ told: drawn.slice(0, n), pending: [] }, 1)
        const rows = old.propose({ told: drawn, pending: [] }, 2)
        assert.strictEqual(rows.length, 2)
        assert.deepStrictEqual(
          tetra.start({ space, key: key(15) }).propose({ told: drawn, pending: [] }, 2),
          rows
        )
      })
  )

  it.effect("keeps nothing of points that were pending from one proposal to the next", () =>
    Effect.gen(function* () {
      const space = yield* Space.make(
        Object.fromEntries(Array.from({ length: 5 }, (_, k) => [`p${k}`, int(0, 9)]))
      )
      const drawn = search(random.start({ space, key: key(16) }), 260, planted(5))
      const pending = drawn.slice(250).map(({ row }) => row)
      const old = tetra.start({ space, key: key(17) })
      for (const n of [200, 201, 202, 203]) {
        const history = { told: drawn.slice(0, n), pending: pending.slice(n - 200) }
        const rows = old.propose(history, 3)
        if (n > 201) assert.deepStrictEqual(tetra.start({ space, key: key(17) }).propose(history, 3), rows)
      }
    })
  )
})
