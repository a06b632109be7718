import { assert, describe, it } from "@effect/vitest"
import { claimParts, control, offerParts } from "../../../src/Layers/cpu/Control.ts"

const block = () => new Int32Array(new SharedArrayBuffer(65_536))

describe("claiming the parts of a job", () => {
  it("gives every part once, those of a thread's own stretch first", () => {
    for (const threads of [1, 2, 3, 64])
      for (const parts of [1, 2, 3, 8, 200]) {
        const words = block()
        offerParts(words, threads, parts)
        const own = threads - 1
        const claimed: Array<number> = []
        claimParts(
          words,
          own,
          threads,
          () => parts,
          (part) => claimed.push(part)
        )
        assert.deepStrictEqual(
          claimed.toSorted((a, b) => a - b),
          Array.from({ length: parts }, (_, part) => part)
        )
        if (parts >= threads) assert.strictEqual(claimed[0], Math.floor((own * parts) / threads))
      }
  })

  it("leaves a part that another thread took alone, and claims nothing when it comes late", () => {
    const words = block()
    offerParts(words, 2, 4)
    const first: Array<number> = []
    const second: Array<number> = []
    claimParts(
      words,
      0,
      2,
      () => 4,
      (part) => {
        first.push(part)
        // The other thread takes one part of its own in the meantime.
        if (first.length === 1) {
          assert.strictEqual(Atomics.sub(words, control.unclaimed + 16, 1), 2)
          second.push(2)
        }
      }
    )
    assert.deepStrictEqual([...first, ...second].toSorted(), [0, 1, 2, 3])
    claimParts(
      words,
      1,
      2,
      () => 4,
      () => assert.fail("there is nothing left")
    )
  })
})
