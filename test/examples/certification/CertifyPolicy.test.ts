import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { inDirectoryOf, refusal } from "../runExample.ts"

interface Result {
  readonly states: ReadonlyArray<{
    readonly state: number
    readonly valuePi: number
    readonly upper: number
    readonly vstar?: number
  }>
  readonly maxGap: number
  readonly simulatorCalls: number
  readonly seconds: number
}

const inDirectory = inDirectoryOf("certify-policy")

describe("certify-policy", () => {
  it("prints one line of JSON, and writes it, a page and the policy, which can be given again", () =>
    inDirectory(async (directory, run) => {
      const text = await run("--env", "chain", "--policy", "vi:1", "--json")
      const result = JSON.parse(text) as Result
      assert.hasAllKeys(result, ["states", "maxGap", "simulatorCalls", "seconds"])
      assert.strictEqual(result.states.length, 15)
      for (const { valuePi, upper, vstar = Number.NaN } of result.states) {
        assert.isAtMost(valuePi, vstar + 1e-8)
        assert.isAtLeast(upper, vstar - 1e-8)
      }
      assert.strictEqual(result.maxGap, Math.max(...result.states.map((s) => s.upper - s.valuePi)))
      const written = join(directory, "out", "certify-policy")
      assert.strictEqual(readFileSync(join(written, "certificate.json"), "utf8"), text)
      assert.match(readFileSync(join(written, "report.html"), "utf8"), /The gap of each state/)
      const again = await run("--env", "chain", "--policy", join(written, "policy.json"), "--json")
      assert.deepStrictEqual((JSON.parse(again) as Result).states, result.states)
    }))

  it("says in a line which state and action of a file are wrong", () =>
    inDirectory(async (directory, run) => {
      const file = join(directory, "bad.json")
      writeFileSync(file, '{"S":1,"A":1,"gamma":0.9,"R":[[0]],"T":[[[[0,0.5]]]]}')
      assert.match(
        await refusal(run("--mdp", file)),
        /bad\.json: state 0, action 0: its probabilities sum to 0\.5, not 1/
      )
      assert.isFalse(existsSync(join(directory, "out")))
    }))

  it("writes where --out says, or says at once that it cannot", () =>
    inDirectory(async (directory, run) => {
      const text = await run("--env", "chain", "--policy", "vi:1", "--json", "--out", "some/where")
      const written = join(directory, "some", "where")
      assert.deepStrictEqual(readdirSync(written).toSorted(), [
        "certificate.json",
        "policy.json",
        "report.html"
      ])
      assert.strictEqual(readFileSync(join(written, "certificate.json"), "utf8"), text)
      assert.isFalse(existsSync(join(directory, "out")))
      writeFileSync(join(directory, "taken"), "")
      assert.match(await refusal(run("--env", "chain", "--json", "--out", "taken")), /taken/)
    }))
})
