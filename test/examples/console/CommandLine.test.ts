import { assert, describe, it } from "@effect/vitest"
import { commandLine } from "../../../examples/console/CommandLine.ts"

describe("commandLine", () => {
  it("can be given to a shell again, and does not say how a run went on", () => {
    assert.strictEqual(
      commandLine([
        "node",
        "/some/where/compress-gpt2.ts",
        "--text",
        "it's a file.txt",
        "--resume",
        "--seed",
        "1"
      ]),
      `pnpm tsx examples/compress-gpt2.ts --text 'it'\\''s a file.txt' --seed 1`
    )
  })
})
