import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const source = (close: boolean, wait: number) => `
  import { Effect, Layer, Scope, Exit, Context } from "effect"
  import { layer } from "./src/Layers/Cpu.ts"
  import { Backend } from "./src/Tensor/index.ts"
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(layer({ threads: 3 }), scope))
  const kernels = Context.get(context, Backend)
  const x = { shape: [300000], dtype: "float32", storage: { buffer: kernels.fill(1, [300000], "float32"), references: 1 } }
  for (let i = 0; i < 20; i++) kernels.release(kernels.unary("exp", x))
  await new Promise((resolve) => setTimeout(resolve, ${wait}))
  for (let i = 0; i < 20; i++) kernels.release(kernels.unary("exp", x))
  ${close ? "await Effect.runPromise(Scope.close(scope, Exit.void))" : ""}
  console.log("done")
`

describe("the worker threads of the CPU", () => {
  it("let the process end, with its scope left open or closed", async () => {
    // After 20 ms or so the workers are being set up.
    for (const [close, wait] of [
      [true, 0],
      [true, 20],
      [true, 100],
      [false, 0],
      [false, 20],
      [false, 100]
    ] as const) {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--input-type=module", "--eval", source(close, wait)],
        { timeout: 30_000 }
      )
      assert.strictEqual(stdout, "done\n")
    }
  })
})
