import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { baseAddress, findBlas, openBlas, usualNames } from "../../../src/Layers/host/Blas.ts"
import { Memory } from "../../../src/Layers/cpu/Memory.ts"
import { assertClose } from "../../assertClose.ts"
import { randomNumbers } from "../../randomNumbers.ts"

const blas = findBlas(usualNames(process.platform))
const present = "reason" in blas ? undefined : blas

const reference = (a: Float64Array, b: Float64Array, m: number, n: number, k: number) =>
  Float64Array.from({ length: m * n }, (_, at) => {
    let sum = 0
    for (let p = 0; p < k; p++) sum += a[Math.floor(at / n) * k + p] * b[p * n + (at % n)]
    return sum
  })

describe("findBlas", () => {
  it("looks for libraries with 32-bit integers under the names that systems give them", () => {
    for (const platform of ["linux", "darwin", "win32"] as const) {
      const names = usualNames(platform)
      assert.isAbove(names.length, 0)
      for (const name of names) assert.notMatch(name, /64|ilp/i)
    }
    assert.include(usualNames("linux"), "libopenblas.so.0")
    assert.include(usualNames("linux"), "libopenblasp.so.0")
    assert.include(usualNames("linux"), "libflexiblas.so.3")
    // The reference BLAS is slower than the wasm kernels.
    assert.notInclude(usualNames("linux"), "libblas.so.3")
  })

  it("names each library that it tried and why it was not taken", () => {
    const directory = mkdtempSync(join(tmpdir(), "tesserae-blas-"))
    try {
      const text = join(directory, "text.so")
      writeFileSync(text, "this is no library")
      const found = findBlas(["libtesserae-none.so", text])
      assert.property(found, "reason")
      if ("reason" in found) {
        assert.include(found.reason, "libtesserae-none.so")
        assert.include(found.reason, text)
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it.skipIf(present === undefined)("takes the first that loads", () => {
    const found = findBlas(["libtesserae-none.so", present?.path ?? ""])
    assert.isFalse("reason" in found)
  })

  it.skipIf(present === undefined)("opens a library again by the path it was found under", () => {
    assert.strictEqual(openBlas(present?.path ?? "").description, present?.description)
  })
})

describe.skipIf(present === undefined)("the products of a BLAS", () => {
  const memory = new Memory(2 ** 26)
  const base = baseAddress(memory.memory)
  const blas = present as NonNullable<typeof present>

  it("are right on the bytes of a wasm memory, before and after it grows", () => {
    const [m, n, k] = [7, 5, 9]
    const [a, b] = [randomNumbers(m * k, 1), randomNumbers(k * n, 2)]
    const expected = reference(a, b, m, n, k)
    for (const filler of [64, 2 ** 25]) {
      memory.allocate(filler)
      const [left, right, out] = [a, b, expected].map(({ length }) => memory.allocate(8 * length).address)
      memory.float64.set(a, left / 8)
      memory.float64.set(b, right / 8)
      blas.gemm64(0, 0, m, n, k, base + left, k, base + right, n, 0, base + out, n)
      assertClose(memory.float64.slice(out / 8, out / 8 + m * n), expected, 1e-14)
      // beta = 1 adds to what is there.
      blas.gemm64(0, 0, m, n, k, base + left, k, base + right, n, 1, base + out, n)
      assertClose(
        memory.float64.slice(out / 8, out / 8 + m * n),
        expected.map((x) => 2 * x),
        1e-14
      )
      memory.float32.set(a, left / 4)
      memory.float32.set(b, right / 4)
      blas.gemm32(0, 0, m, n, k, base + left, k, base + right, n, 0, base + out, n)
      assertClose(memory.float32.slice(out / 4, out / 4 + m * n), expected, 1e-6)
    }
  })

  it("are right above 2 GiB", () => {
    const large = new Memory()
    const start = baseAddress(large.memory)
    large.allocate(2 ** 31)
    const [a, out] = [large.allocate(32).address, large.allocate(32).address]
    assert.isAtLeast(a, 2 ** 31)
    large.float64.set([1, 2, 3, 4], a / 8)
    blas.gemm64(0, 1, 2, 2, 2, start + a, 2, start + a, 2, 0, start + out, 2)
    assert.deepStrictEqual(large.float64.slice(out / 8, out / 8 + 4), Float64Array.of(5, 11, 11, 25))
  })

  it("gives undefined for a LAPACK routine that is not there", () => {
    assert.isUndefined(blas.lapack("dtesserae_", 3))
  })
})
