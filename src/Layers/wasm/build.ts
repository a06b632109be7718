// Compiles the folders called assembly/ to the .wasm files beside them. With --check it compiles again and compares: exit 1 where a committed
// file is stale.

import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const compiler = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"))

const common =
  "--runtime stub --importMemory --noExportMemory --initialMemory 1 --maximumMemory 65536 --enable simd --enable relaxed-simd -O3 --noAssert"

const modules = [
  { folder: here("."), name: "kernels.wasm", flags: `${common} --sharedMemory --enable threads` },
  { folder: here("../../ControlVariates/targets/wasm"), name: "regression.wasm", flags: common }
]

type Module = (typeof modules)[number]

const compile = ({ folder, flags }: Module, outFile: string): void => {
  execFileSync(process.execPath, [compiler, "assembly/index.ts", "--outFile", outFile, ...flags.split(" ")], {
    cwd: folder,
    stdio: "inherit"
  })
}

const isFresh = (module: Module): boolean => {
  const scratch = mkdtempSync(join(tmpdir(), "tesserae-kernels-"))
  try {
    compile(module, join(scratch, module.name))
    const fresh = readFileSync(join(scratch, module.name))
    return Buffer.compare(fresh, readFileSync(join(module.folder, module.name))) === 0
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

for (const module of modules) {
  const target = join(module.folder, module.name)
  if (!process.argv.includes("--check")) {
    compile(module, target)
    console.log(`${target}: ${readFileSync(target).length} bytes`)
  } else if (!isFresh(module)) {
    console.error(
      `${target} is not what assembly/ compiles to: run \`node src/Layers/wasm/build.ts\` and commit it`
    )
    process.exitCode = 1
  }
}
