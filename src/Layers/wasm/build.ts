// Compiles assembly/ to kernels.wasm. With --check it compiles again and compares: exit 1 where the committed file is stale.

import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL(".", import.meta.url))
const target = join(folder, "kernels.wasm")
const compiler = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"))

const flags =
  "--runtime stub --importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536 " +
  "--enable simd --enable relaxed-simd --enable threads -O3 --noAssert"

const compile = (outFile: string): void => {
  execFileSync(process.execPath, [compiler, "assembly/index.ts", "--outFile", outFile, ...flags.split(" ")], {
    cwd: folder,
    stdio: "inherit"
  })
}

const check = (): boolean => {
  const scratch = mkdtempSync(join(tmpdir(), "tesserae-kernels-"))
  try {
    compile(join(scratch, "kernels.wasm"))
    const fresh = readFileSync(join(scratch, "kernels.wasm"))
    return Buffer.compare(fresh, readFileSync(target)) === 0
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

if (!process.argv.includes("--check")) {
  compile(target)
  console.log(`${target}: ${readFileSync(target).length} bytes`)
} else if (!check()) {
  console.error(
    `${target} is not what assembly/ compiles to: run \`node src/Layers/wasm/build.ts\` and commit it`
  )
  process.exitCode = 1
}
