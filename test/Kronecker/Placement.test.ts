import { assert, describe, it } from "@effect/vitest"
import { type Arrangement, type Side, sideLayout } from "../../src/Kronecker/Arrangement.ts"
import { gramOf, kroneckerProblem, principalSpace } from "../../src/Kronecker/BlockGram.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { gramChange, pairCouplings, poolOf } from "../../src/Kronecker/PairCouplings.ts"
import { Placement } from "../../src/Kronecker/Placement.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { key, stream } from "../../src/Random/index.ts"
import { assertClose } from "../assertClose.ts"
import { normal } from "./planted.ts"

const trace = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, e) => sum + value * b[e], 0)

const cases: ReadonlyArray<readonly [KroneckerShape, Side]> = [
  [{ terms: 3, left: [6, 8], right: [2, 4] }, "columns"],
  [{ terms: 3, left: [6, 8], right: [2, 4] }, "rows"],
  [{ terms: 1, left: [5, 4], right: [3, 5] }, "columns"],
  [{ terms: 2, left: [7, 5], right: [4, 1] }, "rows"]
]

describe("the couplings of a pool", () => {
  for (const [shape, side] of cases)
    it(`say what a move gains in tr(P G): ${side} of (${shape.left}) x (${shape.right})`, () => {
      const numbers = stream(key(5))
      const inputs = shape.left[0] * shape.right[0]
      const outputs = shape.left[1] * shape.right[1]
      const problem = kroneckerProblem(normal(6, inputs * outputs), shape, host)
      const arrangement: Arrangement = {
        rows: numbers.permutation(inputs),
        columns: numbers.permutation(outputs)
      }
      const gram = gramOf(problem, arrangement)
      const { projector, objective } = principalSpace(problem, gram)
      assert.closeTo(trace(projector, gram), objective, 1e-10)

      const { groups, slots } = sideLayout(shape, side)
      const chosen = numbers.permutation(groups).subarray(0, groups - 1)
      const pool = poolOf(problem, arrangement, side, chosen)
      const items = pool.items.length
      const start = Uint32Array.from({ length: items }, (_, i) => i)
      const placement = new Placement(pairCouplings(pool, projector, host), start.slice())
      const before = placement.total()
      const bundle = Uint32Array.from({ length: slots }, (_, slot) => slot)
      let gained = 0
      for (let move = 0; move < 40; move++) {
        const [i, j] = [numbers.integer(items), numbers.integer(items)]
        const [g, h] = [i - (i % slots), j - (j % slots)]
        if (move % 4 === 3 && slots > 2 && g !== h) {
          gained += placement.exchangeGain(g, h, bundle, 2)
          placement.exchange(g, h, bundle, 2)
        } else if (i !== j) {
          gained += placement.swapGain(i, j)
          placement.swap(i, j)
        }
      }
      // The couplings are float32.
      assert.closeTo(placement.total(), before + gained, 1e-4)

      const order = arrangement[side].slice()
      placement.order.forEach((item, place) => {
        order[chosen[Math.floor(place / slots)] * slots + (place % slots)] = pool.items[item]
      })
      const after = gramOf(problem, { ...arrangement, [side]: order })
      assert.closeTo(trace(projector, after) - trace(projector, gram), gained, 1e-4)
      const change = gramChange(pool, placement.order)
      assertClose(
        change.map((value, e) => value + gram[e]),
        after,
        1e-13
      )
    })
})
