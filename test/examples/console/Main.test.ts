import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const example = (name: string, ...flags: ReadonlyArray<string>) =>
  spawnSync(
    process.execPath,
    [fileURLToPath(new URL(`../../../examples/${name}.ts`, import.meta.url)), ...flags],
    { encoding: "utf8" }
  )

describe("the command line of an example", () => {
  it("says what is wrong with a flag, with the help, beside its results", () => {
    const { status, stdout, stderr } = example("minimize", "--seeds", "0", "--json")
    assert.strictEqual(status, 1)
    assert.strictEqual(stdout, "")
    assert.match(stderr, /USAGE\n {2}minimize \[flags\]/)
    assert.match(stderr, /Invalid value for flag --seeds: "0".*greater than or equal to 1/)
  })

  it("prints the help where it was asked for", () => {
    const { status, stdout, stderr } = example("minimize", "--help")
    assert.strictEqual(status, 0)
    assert.match(stdout, /USAGE\n {2}minimize \[flags\]/)
    assert.strictEqual(stderr, "")
  })

  it("says in one line what is wrong with a file", () => {
    const { status, stdout, stderr } = example("tune", "--table", "/nowhere.json", "--json")
    assert.strictEqual(status, 1)
    assert.strictEqual(stdout, "")
    assert.match(stderr, /^\/nowhere.json cannot be opened[^\n]*\n$/)
  })
})
