import { assert, describe, it } from "@effect/vitest"
import { type Arrangement, identityArrangement } from "../../src/Kronecker/Arrangement.ts"
import { gramOf, type KroneckerProblem, kroneckerProblem } from "../../src/Kronecker/BlockGram.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import {
  type AnnealingInfo,
  type AnnealingSchedule,
  type AnnealingState,
  annealingPhases,
  annealingStep,
  initAnnealing
} from "../../src/Kronecker/SwapAnnealing.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { key } from "../../src/Random/index.ts"
import { assertClose } from "../assertClose.ts"
import { normal, planted } from "./planted.ts"

const shape: KroneckerShape = { terms: 2, left: [12, 20], right: [2, 4] }
const schedule: AnnealingSchedule = {
  permute: "rows-and-columns",
  swaps: 200_000,
  hottest: 0.5,
  coldest: 0.01,
  first: "columns"
}

const noise = kroneckerProblem(normal(1, 24 * 80), shape, host)

const run = (
  problem: KroneckerProblem,
  from: AnnealingState,
  phases = Infinity
): readonly [AnnealingState, ReadonlyArray<AnnealingInfo>] => {
  const infos: Array<AnnealingInfo> = []
  let state = from
  while (state.phase < annealingPhases(problem, state) && infos.length < phases) {
    const [next, info] = annealingStep(problem, state)
    state = next
    infos.push(info)
  }
  return [state, infos]
}

const assertPermutations = ({ rows, columns }: Arrangement) => {
  for (const order of [rows, columns])
    assertClose(
      order.toSorted((a, b) => a - b),
      Array.from(order, (_, i) => i),
      0
    )
}

describe("swap annealing", () => {
  it("keeps G and f up to date by its moves alone", () => {
    const [state, infos] = run(noise, initAnnealing(noise, identityArrangement(shape), schedule, key(2)))
    assertPermutations(state.arrangement)
    assertClose(state.gram, gramOf(noise, state.arrangement), 1e-12)
    assert.strictEqual(state.space.objective, infos[infos.length - 1].objective)
    assert.isAbove(
      infos.reduce((sum, { accepted }) => sum + accepted, 0),
      500
    )
  })

  it("never lowers f at temperature 0", () => {
    const cold = { ...schedule, hottest: 1e-9, coldest: 1e-9 }
    const start = initAnnealing(noise, identityArrangement(shape), cold, key(3))
    let last = start.space.objective
    for (const { objective } of run(noise, start)[1]) {
      assert.isAtLeast(objective, last - 1e-12 * noise.squaredNorm)
      last = objective
    }
    assert.isAbove(last, start.space.objective)
  })

  it("moves only the side it may", () => {
    const start = initAnnealing(
      noise,
      identityArrangement(shape),
      { ...schedule, permute: "columns", swaps: 20_000 },
      key(3)
    )
    const [{ arrangement }] = run(noise, start)
    assertClose(arrangement.rows, identityArrangement(shape).rows, 0)
    assert.notDeepEqual(arrangement.columns, identityArrangement(shape).columns)
  })

  it("gives the same for the same key, also when its state was written down half-way, and other for another", () => {
    const start = initAnnealing(noise, identityArrangement(shape), schedule, key(4))
    const [whole] = run(noise, start)
    const [half] = run(noise, start, Math.floor(annealingPhases(noise, start) / 2))
    const [resumed] = run(noise, structuredClone(half))
    assert.deepStrictEqual(resumed, whole)
    const [other] = run(noise, { ...start, key: key(5) })
    assert.notDeepEqual(other.arrangement, whole.arrangement)
  })

  it("finds a sum that is hidden in noise from the order it was shuffled into", () => {
    const one: KroneckerShape = { ...shape, terms: 1 }
    const { w, arrangement } = planted(4, one, { noise: 0.3 })
    const problem = kroneckerProblem(w, one, host)
    const hot = { ...schedule, swaps: 1_000_000, hottest: 3 }
    const [state] = run(problem, initAnnealing(problem, identityArrangement(one), hot, key(1)))
    const truth = initAnnealing(problem, arrangement, hot, key(1)).space.objective
    assert.isAtLeast(state.space.objective, truth * (1 - 1e-9))
  })
})
