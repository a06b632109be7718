import { assert, describe, it } from "@effect/vitest"
import { type Assignment, linearAssignment } from "../../src/Kronecker/Assignment.ts"
import { key, stream } from "../../src/Random/index.ts"
import { assertClose } from "../assertClose.ts"

const permutationsOf = (n: number): ReadonlyArray<ReadonlyArray<number>> =>
  n === 0
    ? [[]]
    : permutationsOf(n - 1).flatMap((order) =>
        Array.from({ length: n }, (_, i) => [...order.slice(0, i), n - 1, ...order.slice(i)])
      )

const bruteForce = (cost: Float64Array, n: number): number =>
  permutationsOf(n).reduce(
    (least, order) =>
      Math.min(
        least,
        order.reduce((sum, column, row) => sum + cost[row * n + column], 0)
      ),
    Infinity
  )

/** A matching whose prices are feasible and tight on it is optimal: linear programming duality. */
const assertOptimal = (
  cost: Float32Array | Float64Array,
  n: number,
  result: Assignment,
  tolerance = 1e-12
) => {
  const { columnOf, rowPrices, columnPrices } = result
  assert.strictEqual(new Set(columnOf).size, n)
  const largest = Math.max(1, ...Float64Array.from(cost, Math.abs))
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      assert.isAtMost(rowPrices[i] + columnPrices[j], cost[i * n + j] + tolerance * largest)
    assert.closeTo(rowPrices[i] + columnPrices[columnOf[i]], cost[i * n + columnOf[i]], tolerance * largest)
  }
}

describe("linearAssignment", () => {
  it("costs what the best of all permutations costs, with ties and without", () => {
    const numbers = stream(key(1))
    for (let trial = 0; trial < 120; trial++) {
      const n = 1 + (trial % 7)
      const cost = new Float64Array(n * n).map(() =>
        trial % 2 === 0 ? numbers.normal() : numbers.integer(4)
      )
      const result = linearAssignment(cost, n)
      assert.closeTo(result.cost, bruteForce(cost, n), 1e-12)
      assertOptimal(cost, n, result)
    }
  })

  it("proves its answer by dual prices on larger matrices of several kinds", () => {
    const numbers = stream(key(2))
    const n = 150
    const rank = 5
    const [a, b] = [new Float64Array(n * rank), new Float64Array(n * rank)]
    numbers.fillNormal(a)
    numbers.fillNormal(b)
    const lowRank = new Float64Array(n * n).map((_, e) => {
      let sum = 0
      for (let r = 0; r < rank; r++) sum += a[Math.floor(e / n) * rank + r] * b[(e % n) * rank + r]
      return sum
    })
    const kinds = {
      normal: new Float64Array(n * n).map(() => numbers.normal()),
      integers: new Float64Array(n * n).map(() => numbers.integer(10)),
      equal: new Float64Array(n * n).fill(3),
      lowRank,
      single: Float32Array.from(lowRank),
      large: lowRank.map((value) => 1e200 * value)
    }
    for (const cost of Object.values(kinds)) assertOptimal(cost, n, linearAssignment(cost, n))
  })

  it("finds a hidden permutation", () => {
    const numbers = stream(key(3))
    const n = 200
    const hidden = numbers.permutation(n)
    const cost = new Float64Array(n * n).map((_, e) =>
      hidden[Math.floor(e / n)] === e % n ? numbers.uniform() : 1 + numbers.uniform()
    )
    assertClose(linearAssignment(cost, n).columnOf, hidden, 0)
  })

  it("pairs products of sorted factors in opposite order (the rearrangement inequality)", () => {
    const n = 120
    const cost = new Float64Array(n * n).map((_, e) => (1 + Math.floor(e / n)) * (1 + (e % n)))
    assertClose(
      linearAssignment(cost, n).columnOf,
      Array.from({ length: n }, (_, i) => n - 1 - i),
      0
    )
  })
})
