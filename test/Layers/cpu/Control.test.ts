import { assert, describe, it } from "@effect/vitest"
import { claimParts, control } from "../../../src/Layers/cpu/Control.ts"

describe("claiming the parts of a job", () => {
  it("gives every part once, and nothing to who comes late", () => {
    const words = new Int32Array(new SharedArrayBuffer(1024))
    Atomics.store(words, control.unclaimed, 4)
    const claimed: Array<number> = []
    claimParts(words, (left) => {
      claimed.push(left)
      // Another thread takes one in the meantime.
      if (claimed.length === 1) claimed.push(Atomics.sub(words, control.unclaimed, 1))
    })
    assert.deepStrictEqual(claimed, [4, 3, 2, 1])
    claimParts(words, () => assert.fail("there is nothing left"))
    claimParts(words, () => assert.fail("there is nothing left"))
    Atomics.store(words, control.unclaimed, 1)
    claimParts(words, (left) => claimed.push(left))
    assert.deepStrictEqual(claimed, [4, 3, 2, 1, 1])
  })
})
