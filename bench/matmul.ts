import { Effect } from "effect"
import * as Layers from "../src/Layers/index.ts"
import { Backend, compute, type DType, Tensor } from "../src/Tensor/index.ts"
import { isAbsent, runPeer } from "./Peer.ts"
import type { Report } from "./Report.ts"
import { medianSeconds } from "./Timing.ts"

interface PeerResult {
  readonly version: string
  readonly rows: ReadonlyArray<{ readonly n: number; readonly dtype: string; readonly seconds: number }>
}

const sizes = [64, 128, 256, 512, 1024, 2048]
const dtypes: ReadonlyArray<DType> = ["float32", "float64"]

const measure = (n: number, dtype: DType, seconds: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const kernels = yield* Backend
      const numbers = Float64Array.from({ length: n * n }, (_, i) => Math.sin(i))
      const a = yield* Tensor.fromArray(numbers, [n, n], dtype)
      const b = yield* Tensor.fromArray(numbers, [n, n], dtype)
      const options = { transposeA: false, transposeB: false, bias: undefined }
      return yield* compute(() =>
        medianSeconds(() => kernels.release(kernels.matmul(a, b, options)), seconds)
      )
    })
  )

/** Square products by BLAS and by wasm, against numpy with the same number of threads; and one core against one core. */
export const matmul = Effect.fn("bench.matmul")(function* (seconds: number) {
  const rows: Array<Record<string, string | number>> = []
  const versions: Array<string> = []
  for (const threads of [1, 2]) {
    const peer = runPeer<PeerResult>("matmul", { sizes, dtypes, threads, seconds })
    versions.push(isAbsent(peer) ? `numpy absent: ${peer.absent}` : peer.version)
    for (const engine of ["blas", "wasm"] as const) {
      const part = Effect.gen(function* () {
        const { description } = yield* Backend
        versions.push(description)
        // The first product large enough starts the workers.
        yield* measure(1024, "float32", 0.5)
        for (const dtype of dtypes)
          for (const n of sizes) {
            const time = yield* measure(n, dtype, seconds)
            const other = isAbsent(peer)
              ? undefined
              : peer.rows.find((row) => row.n === n && row.dtype === dtype)?.seconds
            rows.push({
              engine,
              threads,
              dtype,
              n,
              "GFLOP/s": (2 * n ** 3) / time / 1e9,
              ...(other === undefined ? {} : { "ratio to numpy": other / time })
            })
          }
      }).pipe(
        Effect.provide(Layers.cpu({ engine, threads })),
        Effect.catchTag("BackendUnavailable", (error) =>
          Effect.sync(() => {
            versions.push(error.message)
          })
        )
      )
      yield* part
    }
  }
  return { name: "matmul", versions, rows } satisfies Report
})
