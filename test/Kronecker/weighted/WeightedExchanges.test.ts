import { assert, describe, it } from "@effect/vitest"
import { leftStep } from "../../../src/Kronecker/weighted/AlternatingLeastSquares.ts"
import type { Arrangement } from "../../../src/Kronecker/Arrangement.ts"
import { exchangeColumns } from "../../../src/Kronecker/weighted/ColumnExchanges.ts"
import type { KroneckerShape } from "../../../src/Kronecker/Contraction.ts"
import { Placement } from "../../../src/Kronecker/Placement.ts"
import { ExchangeGains } from "../../../src/Kronecker/weighted/ExchangeGains.ts"
import { rowCouplings, rowGradient } from "../../../src/Kronecker/weighted/RowCouplings.ts"
import { exchangeRows } from "../../../src/Kronecker/weighted/RowExchanges.ts"
import { columnCouplings, poolCouplings } from "../../../src/Kronecker/weighted/WeightedCouplings.ts"
import { candidateOf, prepared } from "../../../src/Kronecker/weighted/WeightedCandidate.ts"
import { arranged, weightedProblem } from "../../../src/Kronecker/weighted/WeightedProblem.ts"
import { matrixFactorizations as host } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { key, stream } from "../../../src/Random/index.ts"
import { normal } from "../planted.ts"
import { sidesOf, weightings } from "./problems.ts"

const shapes: ReadonlyArray<KroneckerShape> = [
  { terms: 2, left: [6, 5], right: [2, 4] },
  { terms: 3, left: [5, 6], right: [3, 2] }
]

const cases = shapes.flatMap((shape) =>
  weightings(sidesOf(shape)[0]).map(([name, weighting]) => {
    const [inputs, outputs] = sidesOf(shape)
    const numbers = stream(key(4))
    const arrangement: Arrangement = {
      rows: numbers.permutation(inputs),
      columns: numbers.permutation(outputs)
    }
    const problem = weightedProblem(normal(1, inputs * outputs), shape, weighting, host)
    const best = leftStep(arranged(problem, arrangement), {
      left: new Float64Array(shape.terms * shape.left[0] * shape.left[1]),
      right: normal(3, shape.terms * shape.right[0] * shape.right[1])
    })
    const start = prepared(problem, { arrangement, ...best })
    return { title: `${name}, [${shape.left}] (x) [${shape.right}]`, shape, arrangement, problem, start }
  })
)

const exchanged = (order: Uint32Array, i: number, j: number) => {
  const next = order.slice()
  next[i] = order[j]
  next[j] = order[i]
  return next
}

describe.each(cases)("$title", ({ shape, arrangement, problem, start }) => {
  const tolerance = 1e-6 * problem.squaredNorm
  // What is captured for the same B in another order of one side, worked out anew.
  const capturedWith = (changed: Partial<Arrangement>) =>
    leftStep(arranged(problem, { ...arrangement, ...changed }), start.factors).captured
  it("columns: couplings sum to what is captured, and a swap gains what it says", () => {
    const couplings = poolCouplings(columnCouplings(problem, start), arrangement.columns)
    const order = Uint32Array.from(arrangement.columns, (_, i) => i)
    const placement = new Placement(couplings, order)
    assert.closeTo(placement.total(), start.captured, tolerance)
    const numbers = stream(key(8))
    for (let i = 0; i < 20; i++) {
      const [a, b] = [numbers.integer(order.length), numbers.integer(order.length)]
      if (a === b) continue
      const gain = capturedWith({ columns: exchanged(arrangement.columns, a, b) }) - start.captured
      assert.closeTo(placement.swapGain(a, b), gain, tolerance)
    }
  })

  it("rows: an exchange gains what it says, in whatever pool it is looked at", () => {
    const slots = shape.right[0]
    const common = rowGradient(problem, start)
    for (const chosen of [
      Uint32Array.from({ length: shape.left[0] }, (_, g) => g),
      Uint32Array.of(3, 0, 2)
    ]) {
      const gains = new ExchangeGains(rowCouplings(common, chosen))
      for (let g = 0; g < chosen.length; g++)
        for (let h = 0; h < g; h++) {
          gains.between(g, h)
          for (let i = 0; i < slots; i++)
            for (let k = 0; k < slots; k++) {
              const rows = exchanged(arrangement.rows, chosen[g] * slots + i, chosen[h] * slots + k)
              const gain = capturedWith({ rows }) - start.captured
              assert.closeTo(gains.gain(g * slots + i, h * slots + k), gain, tolerance)
            }
        }
    }
  })

  it("rounds of exchanges gain, and capture what they say in the order that they return", () => {
    for (const [side, exchange] of [
      ["columns", exchangeColumns],
      ["rows", exchangeRows]
    ] as const) {
      const { candidate, moved } = exchange(problem, start, stream(key(9)))
      assert.isAbove(candidate.captured, start.captured)
      assert.isAbove(moved, 0)
      // What is handed on holds for the new order.
      assert.deepStrictEqual(candidate, prepared(problem, candidateOf(candidate)))
      assert.closeTo(capturedWith({ [side]: candidate.arrangement[side] }), candidate.captured, tolerance)
      assert.deepStrictEqual(
        Array.from(candidate.arrangement[side]).toSorted((a, b) => a - b),
        Array.from(arrangement[side], (_, i) => i)
      )
    }
  })
})
