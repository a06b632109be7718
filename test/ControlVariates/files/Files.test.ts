import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import {
  chainsOfCsv,
  chainsOfInferenceData,
  chainsOfStan,
  ControlVariates,
  coordinates,
  decodeNpy,
  encodeNpy,
  inferenceDataOf,
  readChains
} from "../../../src/ControlVariates/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { gaussianChains } from "../gaussianChains.ts"

const messageOf = (body: () => unknown): string => {
  try {
    body()
    return "no failure"
  } catch (cause) {
    return (cause as Error).message
  }
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"))

describe(".npy", () => {
  // np.save of numpy 2.4.6: arange(6.).reshape(2, 3); the same as big-endian float32 in Fortran order; int64 [1, -2].
  const files = [
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAEAAAAAAAAAIQAAAAAAAABBAAAAAAAAAFEA=",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAQEAAAD+AAABAgAAAQAAAAECgAAA=",
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAAP7/////////"
  ].map(bytesOf)

  it("reads what numpy writes, and writes what numpy would, byte for byte", () => {
    const ordered = Float64Array.of(0, 1, 2, 3, 4, 5)
    assert.deepStrictEqual(decodeNpy(files[0], "a.npy"), { shape: [2, 3], values: ordered })
    assert.deepStrictEqual(decodeNpy(files[1], "b.npy"), { shape: [2, 3], values: ordered })
    assert.deepStrictEqual(decodeNpy(files[2], "c.npy"), { shape: [2], values: Float64Array.of(1, -2) })
    assert.deepStrictEqual(encodeNpy({ shape: [2, 3], values: ordered }), files[0])
  })

  it("refuses files that are cut off or no arrays of numbers", () => {
    assert.match(
      messageOf(() => decodeNpy(files[0].slice(0, -1), "a.npy")),
      /a.npy: shape \(2, 3\) needs 48 bytes/
    )
    assert.match(
      messageOf(() => decodeNpy(files[0].slice(0, 50), "a.npy")),
      /header is cut off/
    )
    assert.match(
      messageOf(() => decodeNpy(new Uint8Array(20), "a.npy")),
      /no .npy file/
    )
  })
})

const stan = (shift: number) =>
  `# stan_version_major = 2\nlp__,accept_stat__,energy__,mu,theta.1,theta.2\n# Adaptation terminated\n${[
    0, 1, 2, 3
  ]
    .map((t) => `${-t},0.9,${t + 0.5},${t + shift},${t * t},-1e-3`)
    .join("\n")}\n# Elapsed Time: 0.01 seconds\n`

describe("Stan's CSV", () => {
  it("gives one chain a file, statistics apart", () => {
    const chains = chainsOfStan([
      { path: "1.csv", text: stan(0) },
      { path: "2.csv", text: stan(10).replaceAll("\n", "\r\n") }
    ])
    assert.deepStrictEqual([chains.chains, chains.draws, chains.dimensions], [2, 4, 3])
    assert.deepStrictEqual(chains.names, ["mu", "theta[1]", "theta[2]"])
    assert.deepStrictEqual([...chains.values.subarray(12, 15)], [10, 0, -0.001])
    assert.deepStrictEqual([...chains.statistics.energy.subarray(0, 4)], [0.5, 1.5, 2.5, 3.5])
    assert.isUndefined(chains.scores)
  })

  it("of diagnostics gives scores, the negated gradients of the potential", () => {
    const text = `lp__,a,b,p_a,p_b,g_a,g_b\n${[1, 2, 3, 4].map((t) => `0,${t},${-t},7,7,${t / 2},${-t / 4}`).join("\n")}`
    const chains = chainsOfStan([{ path: "d.csv", text }])
    assert.deepStrictEqual(chains.names, ["a", "b"])
    assert.deepStrictEqual([...(chains.scores ?? [])].slice(0, 4), [-0.5, 0.25, -1, 0.5])
  })

  it("refuses chains that differ, lines cut off and cells that are no numbers", () => {
    const one = { path: "1.csv", text: stan(0) }
    const cut = stan(0).split("\n").slice(0, 6).join("\n")
    assert.match(
      messageOf(() => chainsOfStan([one, { path: "2.csv", text: cut }])),
      /2.csv: 3 draws, and 4 in 1.csv/
    )
    const broken = { path: "2.csv", text: stan(0).replace("-1e-3\n-1", "-1e-3\n") }
    assert.match(
      messageOf(() => chainsOfStan([broken])),
      /2.csv, line 5: "" in column lp__ is no number/
    )
    const ragged = { path: "2.csv", text: `${cut}\n1,2` }
    assert.match(
      messageOf(() => chainsOfStan([ragged])),
      /2.csv, line 7: 2 cells where the first line has 6/
    )
    assert.match(
      messageOf(() => chainsOfStan([{ path: "0.csv", text: "# nothing\n" }])),
      /no rows of numbers/
    )
  })
})

describe("Stan's CSV with scores of its own", () => {
  const files = [
    { path: "1.csv", text: stan(0) },
    { path: "2.csv", text: stan(10) }
  ]
  const rows = [1, 2, 3, 4].map((t) => `${t},${-t},0.5`).join("\n")
  const of = (header: string, times = 1) => ({
    path: "g.csv",
    text: `${header}\n${Array.from({ length: times }, () => rows).join("\n")}\n`
  })

  it("takes them from one file a chain, or one for all, by either spelling of the names", () => {
    const one = chainsOfStan(files, [of("mu,theta.1,theta.2", 2)])
    const each = chainsOfStan(files, [of("mu,theta[1],theta[2]"), of("mu,theta[1],theta[2]")])
    assert.deepStrictEqual([...(one.scores ?? [])].slice(0, 6), [1, -1, 0.5, 2, -2, 0.5])
    assert.deepStrictEqual(each.scores, one.scores)
    const swapped = chainsOfStan(files, [of("theta.2,mu,theta.1", 2)])
    assert.deepStrictEqual([...(swapped.scores ?? [])].slice(0, 3), [-1, 0.5, 1])
  })

  it("refuses too few, and names that are known in part", () => {
    assert.match(
      messageOf(() => chainsOfStan(files, [of("a,b,c")])),
      /g.csv: scores of 4 draws, and 8 in the samples/
    )
    assert.match(
      messageOf(() => chainsOfStan(files, [of("mu,theta.1,nu", 2)])),
      /it has no scores of theta.2; its columns are mu, theta.1, nu/
    )
    const diagnostic = { path: "d.csv", text: "lp__,a,p_a,g_a\n0,1,0,1\n0,2,0,1\n0,3,0,2\n0,4,0,1\n" }
    assert.match(
      messageOf(() => chainsOfStan([diagnostic], [of("a")])),
      /scores of its own \(g_ columns\)/
    )
  })

  it("has divergences under the name that warnings look for", () => {
    const text = "lp__,divergent__,mu\n0,0,1\n0,1,2\n0,0,3\n0,0,4\n"
    const { statistics } = chainsOfStan([{ path: "1.csv", text }])
    assert.deepStrictEqual([...statistics.diverging], [0, 1, 0, 0])
  })
})

const refusalOf = (text: string) => messageOf(() => chainsOfCsv({ path: "s.csv", text }, undefined))

describe("text that is no table of numbers with commas", () => {
  it("is refused with what it is", () => {
    assert.match(refusalOf("a;b\n1;2\n"), /line 1: its cells are separated by ";"; commas are needed/)
    assert.match(refusalOf("a\tb\n1\t2\n"), /separated by "\\t"/)
    assert.match(refusalOf("1 2\n3 4\n"), /separated by " "/)
    assert.match(refusalOf("PK\u0003\u0004\0\0"), /archive \(.npz, .zip\)/)
    assert.match(refusalOf("\0\0"), /no text; arrays of numpy/)
  })
})

describe("plain CSV", () => {
  const text = "chain,draw,x,f\n1,0,0.5,9\n2,0,5,8\n1,1,1.5,7\n2,1,6,6\n1,2,0,5\n2,2,5,4\n1,3,1,3\n2,3,7,2\n"
  const scores = "x\n-1\n-2\n-3\n-4\n-5\n-6\n-7\n-8\n"
  it("sorts rows by chain, scores with them, and sets functionals apart", () => {
    const chains = chainsOfCsv(
      { path: "s.csv", text },
      { path: "g.csv", text: scores },
      { functionalColumns: ["f"] }
    )
    assert.deepStrictEqual([chains.chains, chains.draws, ...chains.names], [2, 4, "x"])
    assert.deepStrictEqual([...chains.values], [0.5, 1.5, 0, 1, 5, 6, 5, 7])
    assert.deepStrictEqual([...(chains.scores ?? [])], [-1, -3, -5, -7, -2, -4, -6, -8])
    assert.deepStrictEqual([...chains.statistics.f], [9, 7, 5, 3, 8, 6, 4, 2])
  })

  it("matches scores by name, and takes a functional that has a score for a coordinate", () => {
    const samples = { path: "s.csv", text: "a,b\n1,5\n2,6\n3,8\n4,9\n" }
    const swapped = { path: "g.csv", text: "b,a\n-5,-1\n-6,-2\n-8,-3\n-9,-4\n" }
    const chains = chainsOfCsv(samples, swapped, { functionalColumns: ["b"] })
    assert.deepStrictEqual(chains.names, ["a", "b"])
    assert.deepStrictEqual([...(chains.scores ?? [])], [-1, -5, -2, -6, -3, -8, -4, -9])
    const half = { path: "g.csv", text: swapped.text.replace("b,a", "b,c") }
    assert.match(
      messageOf(() => chainsOfCsv(samples, half)),
      /g.csv: it has no scores of a; its columns are b, c/
    )
    const renamed = { path: "g.csv", text: swapped.text.replace("b,a", "one,two") }
    assert.deepStrictEqual([...(chainsOfCsv(samples, renamed).scores ?? [])].slice(0, 2), [-5, -1])
  })

  it("refuses scores whose rows are in another order", () => {
    const samples = { path: "s.csv", text: "draw,a\n0,1\n1,2\n2,3\n3,4\n" }
    const mixed = { path: "g.csv", text: "# scores\ndraw,a\n0,-1\n2,-3\n1,-2\n3,-4\n" }
    assert.match(
      messageOf(() => chainsOfCsv(samples, mixed)),
      /g.csv, line 4: draw is 2 where the samples' is 1 \(line 3\)/
    )
  })

  it("refuses scores of another shape, unequal chains and columns that are not there", () => {
    const samples = { path: "s.csv", text }
    const short = { path: "g.csv", text: "x\n1\n2\n" }
    assert.match(
      messageOf(() => chainsOfCsv(samples, short)),
      /scores of 2 draws and 1 coordinates, and samples of 8 and 2/
    )
    const unequal = { path: "s.csv", text: `${text}1,4,0,0\n` }
    assert.match(
      messageOf(() => chainsOfCsv(unequal, undefined)),
      /5 rows of chain 1, 4 rows of chain 2/
    )
    const absent = { functionalColumns: ["g"] }
    assert.match(
      messageOf(() => chainsOfCsv(samples, undefined, absent)),
      /no column "g"; its columns are chain, draw, x, f/
    )
  })
})

describe("InferenceData", () => {
  it("as ArviZ 0.23.4 writes it", () => {
    const text =
      '{"posterior": {"mu": [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]], "th": [[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]], [[8.0, 9.0], [10.0, 11.0], [12.0, 13.0], [14.0, 15.0]]]}, "posterior_attrs": {"arviz_version": "0.23.4"}, "sample_stats": {"diverging": [[false, false, true, false], [false, false, false, false]]}, "attrs": {}}'
    const chains = chainsOfInferenceData(text, "i.json")
    assert.deepStrictEqual(chains.names, ["mu", "th[0]", "th[1]"])
    assert.deepStrictEqual([...chains.values.subarray(12, 18)], [4, 8, 9, 5, 10, 11])
    assert.deepStrictEqual([...chains.statistics.diverging], [0, 0, 1, 0, 0, 0, 0, 0])
    const nan = text.replace("[4.0, 5.0]", "[NaN, -Infinity]")
    assert.match(
      messageOf(() => chainsOfInferenceData(nan, "i.json")),
      /draws, chain 0, draw 2, dimension 1: NaN/
    )
    const ragged = text.replace("[4.0, 5.0, 6.0, 7.0]", "[4.0]")
    assert.match(
      messageOf(() => chainsOfInferenceData(ragged, "i.json")),
      /"mu" is ragged/
    )
    assert.match(
      messageOf(() => chainsOfInferenceData("{", "i.json")),
      /i.json: it is no JSON/
    )
    assert.match(
      messageOf(() => chainsOfInferenceData("{}", "i.json")),
      /group "posterior"/
    )
  })

  it.effect("keeps chains, scores and statistics on the way out and in, the reduction beside them", () =>
    Effect.gen(function* () {
      const chains = {
        ...gaussianChains({ mean: [0, 1], precision: [1, 0, 0, 1], chains: 2, draws: 60 }),
        statistics: { lp: new Float64Array(120).fill(-1), diverging: new Float64Array(120).with(3, 1) }
      }
      const variates = yield* ControlVariates
      const reduction = yield* variates.reduce(chains, coordinates(chains), { degree: 1, objective: "evm" })
      const again = chainsOfInferenceData(JSON.stringify(inferenceDataOf(chains)), "out.json")
      assert.deepStrictEqual(again, chains)
      const written = inferenceDataOf(chains, reduction)
      assert.deepStrictEqual(Object.keys(written.posterior), [
        "x0",
        "x1",
        "x0 (control variate)",
        "x1 (control variate)"
      ])
    }).pipe(Effect.provide(ControlVariates.layer), Effect.provide(Layers.mock()))
  )
})

describe("readChains", () => {
  it.effect("knows a file by its name and first lines", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { values, scores } = gaussianChains({
        mean: [0, 1],
        precision: [1, 0, 0, 1],
        chains: 2,
        draws: 10
      })
      const shape = [2, 10, 2]
      yield* fs.writeFile(`${folder}/x.npy`, encodeNpy({ shape, values }))
      yield* fs.writeFile(`${folder}/s.npy`, encodeNpy({ shape, values: scores }))
      yield* fs.writeFileString(`${folder}/1.csv`, stan(0))
      const npy = yield* readChains([`${folder}/x.npy`], { scores: `${folder}/s.npy` })
      assert.deepStrictEqual([npy.values, npy.scores, npy.chains], [values, scores, 2])
      assert.strictEqual((yield* readChains([`${folder}/1.csv`])).names[1], "theta[1]")
      const absent = yield* Effect.result(readChains([`${folder}/none.csv`]))
      assert.isTrue(Result.isFailure(absent) && absent.failure._tag === "SampleFileError")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("refuses files that do not go together, and says why one cannot be read", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const at = (name: string) => `${folder}/${name}`
      const values = Float64Array.from({ length: 12 }, (_, i) => Math.sin(i))
      yield* fs.writeFile(at("x.npy"), encodeNpy({ shape: [2, 6], values }))
      yield* fs.writeFile(at("long.npy"), encodeNpy({ shape: [3, 4, 1], values }))
      yield* fs.writeFileString(at("1.csv"), stan(0))
      yield* fs.writeFileString(at("i.json"), '{"posterior": {"mu": [[1, 2, 3, 4]]}}')
      const message = (paths: ReadonlyArray<string>, options = {}) =>
        Effect.map(Effect.result(readChains(paths.map(at), options)), (result) =>
          Result.isFailure(result) ? result.failure.message : "no failure"
        )
      assert.match(yield* message(["none.csv"]), /none.csv: there is no such file/)
      assert.match(yield* message(["."]), /is it a directory\?/)
      assert.match(yield* message(["1.csv", "1.csv"]), /1.csv: it is named twice/)
      assert.match(yield* message(["1.csv", "x.npy"]), /x.npy: it is .npy beside CSV/)
      assert.match(
        yield* message(["x.npy", "long.npy"]),
        /long.npy: a second file; chains of .npy are in one/
      )
      assert.match(yield* message(["i.json"], { scores: at("1.csv") }), /1.csv: scores beside InferenceData/)
      assert.match(yield* message(["x.npy"], { chains: 5 }), /x.npy: 2 draws are not 5 equally long chains/)
      assert.match(yield* message(["long.npy"], { chains: 2 }), /long.npy: it has 3 chains, not 2/)
      assert.match(yield* message(["i.json"], { chains: 2 }), /i.json: it has 1 chain, not 2/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
