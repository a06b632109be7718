import { assert, describe, it } from "@effect/vitest"
import {
  type AssignmentInfo,
  type AssignmentState,
  assignmentStep,
  initAssignment
} from "../../src/Kronecker/AlternatingAssignment.ts"
import { identityArrangement } from "../../src/Kronecker/Arrangement.ts"
import { gramOf, kroneckerProblem } from "../../src/Kronecker/BlockGram.ts"
import type { KroneckerShape } from "../../src/Kronecker/Contraction.ts"
import { startArrangement } from "../../src/Kronecker/Start.ts"
import { matrixFactorizations as host } from "../../src/Layers/host/MatrixFactorizations.ts"
import { key } from "../../src/Random/index.ts"
import { assertClose } from "../assertClose.ts"
import { normal, planted } from "./planted.ts"

const shape: KroneckerShape = { terms: 2, left: [12, 20], right: [2, 4] }
const problem = kroneckerProblem(normal(1, 24 * 80), shape, host)

const settle = (from: AssignmentState): readonly [AssignmentState, ReadonlyArray<AssignmentInfo>] => {
  const infos: Array<AssignmentInfo> = []
  let state = from
  while (state.stage !== "settled") {
    const [next, info] = assignmentStep(problem, state)
    state = next
    infos.push(info)
  }
  return [state, infos]
}

describe("alternating assignment", () => {
  it("never lowers f, in either stage, and says the truth about it", () => {
    const start = initAssignment(problem, identityArrangement(shape), "rows-and-columns", key(1))
    const [state, infos] = settle(start)
    let last = start.space.objective
    for (const { objective } of infos) {
      assert.isAtLeast(objective, last)
      last = objective
    }
    assert.isAbove(last, 1.2 * start.space.objective)
    assert.deepStrictEqual([...new Set(infos.map(({ stage }) => stage))], ["all-items", "one-of-each-group"])
    assertClose(state.gram, gramOf(problem, state.arrangement), 1e-12)
  })

  it("continues from a state that was written down", () => {
    const start = initAssignment(problem, identityArrangement(shape), "rows-and-columns", key(2))
    const [whole] = settle(start)
    let half = start
    for (let round = 0; round < 5; round++) half = assignmentStep(problem, half)[0]
    assert.deepStrictEqual(settle(structuredClone(half))[0], whole)
  })

  it("has nothing to do where no side is free", () => {
    assert.strictEqual(initAssignment(problem, identityArrangement(shape), "none", key(1)).stage, "settled")
  })
})

describe("the start from like rows and columns", () => {
  it("finds the groups of a planted product in spite of noise, where they are alike", () => {
    const one: KroneckerShape = { terms: 1, left: [24, 48], right: [2, 2] }
    const { w, arrangement } = planted(6, one, { noise: 0.3 })
    const start = startArrangement(
      kroneckerProblem(w, one, host),
      "rows-and-columns",
      "squared-cosine",
      key(1)
    )
    for (const side of ["rows", "columns"] as const) {
      const groupOf = new Map(
        Array.from(arrangement[side], (item, place) => [item, Math.floor(place / 2)] as const)
      )
      const order = start[side]
      let together = 0
      for (let place = 0; place < order.length; place += 2)
        if (groupOf.get(order[place]) === groupOf.get(order[place + 1])) together++
      assert.isAtLeast(together, 0.9 * (order.length / 2), side)
    }
  })
})
