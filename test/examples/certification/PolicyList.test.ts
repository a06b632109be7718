import { assert, describe, it } from "@effect/vitest"
import { parsePolicies, policyText } from "../../../examples/certification/PolicyList.ts"

describe("a list of policies", () => {
  it("lets bare numbers go on counting", () => {
    const names = parsePolicies("uniform,vi:0, 2,reinforce:10,20,linear,actor-critic,saved/policy.json")
    assert.deepStrictEqual(names?.map(policyText), [
      "uniform",
      "vi:0",
      "vi:2",
      "reinforce:10",
      "reinforce:20",
      "linear",
      "actor-critic:100",
      "saved/policy.json"
    ])
  })

  it("is none without what is counted, or with nothing between commas", () => {
    for (const text of ["", "uniform,", "3", "uniform,3", "vi", "vi:x", "vi:-1", "reinforce:1.5"])
      assert.isUndefined(parsePolicies(text), text)
  })
})
