import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { key, stream } from "../../../src/Random/index.ts"
import { inDirectoryOf, refusal } from "../runExample.ts"

interface Result {
  readonly functionals: ReadonlyArray<{
    readonly name: string
    readonly mean: number
    readonly mcse: number
    readonly meanCv: number
    readonly mcseCv: number
    readonly vrf: number
    readonly vrfChains: number | null
    readonly coefficients: ReadonlyArray<number>
  }>
  readonly rhat: number | null
  readonly essBulk: number
  readonly warnings: ReadonlyArray<string>
  readonly seconds: number
  readonly others?: ReadonlyArray<Result & { readonly sampler: string }>
}

const inDirectory = inDirectoryOf("reduce-variance")

describe("reduce-variance", () => {
  it("prints one line of JSON, two samplers that agree, and writes a page and the draws", () =>
    inDirectory(async (directory, run) => {
      const stdout = await run("--draws", "400", "--burn-in", "300", "--chains", "2", "--json")
      assert.strictEqual(stdout.trimEnd().split("\n").length, 1)
      const result = JSON.parse(stdout) as Result
      assert.strictEqual(result.functionals.length, 10)
      const [mala] = result.others ?? []
      assert.strictEqual(mala.sampler, "mala")
      result.functionals.forEach((one, q) => {
        const other = mala.functionals[q]
        assert.strictEqual(one.coefficients.length, 65)
        assert.isAbove(one.vrf, 20)
        const error = Math.hypot(one.mcseCv, other.mcseCv)
        assert.isBelow(Math.abs(one.meanCv - other.meanCv), 6 * error)
      })
      assert.isBelow(result.rhat ?? Infinity, 1.1)
      assert.isAbove(result.essBulk, 100)
      const written = (name: string) => readFileSync(join(directory, "out/reduce-variance", name), "utf8")
      assert.strictEqual(written("reduction.json"), stdout)
      assert.match(written("report.html"), /<svg[^]*Error bars side by side/)
      const posterior = JSON.parse(written("posterior-nuts.json"))
      assert.strictEqual(posterior.posterior["wage (control variate)"][1].length, 400)
    }))

  it("takes data of one's own, with labels 1 and 2, and each flag of a fit", () =>
    inDirectory(async (directory, run) => {
      const random = stream(key("own data"))
      const rows = Array.from({ length: 120 }, () => {
        const x = random.normal()
        return `${x},${random.normal()},${random.bernoulli(1 / (1 + Math.exp(-x))) ? 2 : 1}`
      })
      const path = join(directory, "data.csv")
      writeFileSync(path, `a,b,kind\n${rows.join("\n")}\n`)
      const flags = ["--data", path, "--target", "probit", "--sampler", "ula", "--step", "0.002"]
      const more = ["--chains", "1", "--draws", "600", "--burn-in", "100", "--degree", "2"]
      const fit = ["--objective", "esvm", "--window", "15", "--functional", "predictive", "--json"]
      const result = JSON.parse(await run(...flags, ...more, ...fit)) as Result
      assert.strictEqual(result.functionals.length, 1)
      assert.strictEqual(result.functionals[0].name, "mean P(kind = 2)")
      assert.strictEqual(result.functionals[0].coefficients.length, 9)
      assert.strictEqual(result.functionals[0].vrfChains, null)
      assert.strictEqual(result.rhat, null)
      assert.strictEqual(result.others, undefined)
    }))

  it("takes somebody else's draws and scores, and a column for the functional", () =>
    inDirectory(async (directory, run) => {
      const random = stream(key("draws"))
      const draws: Array<string> = []
      const scores: Array<string> = []
      for (let t = 0; t < 500; t++) {
        const [x, y] = [random.normal(), random.normal()]
        draws.push(`${x},${y},${x * y + 3 * x + 1}`)
        scores.push(`${-x},${-y}`)
      }
      const [samplesPath, scoresPath] = [join(directory, "draws.csv"), join(directory, "scores.csv")]
      writeFileSync(samplesPath, `x,y,f\n${draws.join("\n")}\n`)
      writeFileSync(scoresPath, `x,y\n${scores.join("\n")}\n`)
      const flags = ["--samples", samplesPath, "--scores", scoresPath]
      const stdout = await run(...flags, "--functional-column", "f", "--degree", "2", "--json")
      const [f] = (JSON.parse(stdout) as Result).functionals
      assert.closeTo(f.meanCv, 1, 1e-9)
      assert.isAbove(f.vrf, 1e12)
      assert.isTrue(existsSync(join(directory, "out/reduce-variance/posterior-given.json")))
    }))

  it("says what the numbers are worth, of separable data and of draws of an enormous scale", () =>
    inDirectory(async (directory, run) => {
      const random = stream(key("separable"))
      const inputs = Array.from({ length: 60 }, () => random.normal())
      const data = join(directory, "data.csv")
      writeFileSync(data, `a,y\n${inputs.map((x) => `${x},${x > 0 ? 1 : 0}`).join("\n")}\n`)
      const few = ["--sampler", "nuts", "--chains", "2", "--draws", "100", "--burn-in", "100", "--json"]
      const { warnings } = JSON.parse(await run("--data", data, ...few)) as Result
      assert.isTrue(warnings.some((message) => /separable: .* tells all labels apart/.test(message)))
      const [samples, scores] = [join(directory, "draws.csv"), join(directory, "scores.csv")]
      writeFileSync(samples, `x\n${inputs.map((x) => x * 1e150).join("\n")}\n`)
      writeFileSync(scores, `x\n${inputs.map((x) => -x * 1e-150).join("\n")}\n`)
      const [x] = (JSON.parse(await run("--samples", samples, "--scores", scores, "--json")) as Result)
        .functionals
      assert.isBelow(Math.abs(x.meanCv), 1e138)
      assert.isTrue(x.vrf > 1e12)
    }))

  it("says which file, line and value is wrong, and which flag", () =>
    inDirectory(async (directory, run) => {
      const write = (name: string, text: string) => {
        writeFileSync(join(directory, name), text)
        return name
      }
      const data = write("data.csv", "a,label\n1,0\n2,one\n")
      assert.match(await refusal(run("--data", data)), /data.csv, line 3: "one" in column label is no number/)
      const three = write("three.csv", "a,label\n1,0\n2,1\n3,2\n")
      assert.match(
        await refusal(run("--data", three)),
        /three.csv, line 4: 2 in the last column, label, after 0 and 1/
      )
      const missing = write("missing.csv", "a,label\n1,0\nNA,1\n")
      assert.match(await refusal(run("--data", missing)), /missing.csv, line 3: NaN in column a/)
      const draws = write("draws.csv", "x\n1\n2\n3\n2\n1\n")
      assert.match(await refusal(run("--samples", draws)), /scores: absent/)
      const short = write("scores.csv", "x\n1\n2\n3\n")
      assert.match(
        await refusal(run("--samples", draws, "--scores", short)),
        /scores.csv: scores of 3 draws and 1 coordinates/
      )
      assert.match(await refusal(run("--samples", draws, "--draws", "9")), /--draws must be left out/)
      assert.match(await refusal(run("--degree", "none")), /neither auto nor a whole number/)
    }))
})
