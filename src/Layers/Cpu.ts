import { availableParallelism } from "node:os"
import { Config, Effect, Layer } from "effect"
import { Backend } from "../Tensor/Backend.ts"
import { BackendUnavailable } from "../Tensor/Errors.ts"
import { findBlas } from "./host/Blas.ts"
import { cpuKernels } from "./cpu/CpuKernels.ts"
import { Dispatch } from "./cpu/Dispatch.ts"
import { makeEngine } from "./cpu/Engine.ts"
import { lapackFactorizations } from "./host/Lapack.ts"
import { matrixFactorizations } from "./host/MatrixFactorizations.ts"
import { Memory } from "./cpu/Memory.ts"
import { Threads } from "./cpu/Threads.ts"
import { instantiateKernels } from "./wasm/Kernels.ts"

export interface CpuOptions {
  /** "auto" takes a BLAS where one is found, "blas" insists on it, "wasm" does without. Default "auto". */
  readonly engine?: "auto" | "blas" | "wasm"
  /** Threads that share the work; default `TESSERAE_THREADS`, else the processors there are. */
  readonly threads?: number
  /** Most bytes of buffers; default and most 4 GiB. */
  readonly limitBytes?: number
}

const threadsSetting = Config.Int("TESSERAE_THREADS").pipe(Config.withDefault(0))

/**
 * The CPU: float32 (default) and float64 buffers in WebAssembly memory, SIMD kernels, and matrix products and
 * factorisations by the system's BLAS on the same bytes where one is found (`TESSERAE_BLAS` names another library),
 * else by wasm and ml-matrix. `Backend.description` tells which. Results do not depend on the number of threads.
 *
 * Fails with `BackendUnavailable` where `engine: "blas"` finds no BLAS.
 */
export const layer = (options: CpuOptions = {}): Layer.Layer<Backend, BackendUnavailable> =>
  Layer.effect(
    Backend,
    Effect.gen(function* () {
      const configured = yield* threadsSetting.pipe(
        Effect.mapError(
          (error) =>
            new BackendUnavailable({
              backend: "cpu",
              reason: `TESSERAE_THREADS is not a whole number: ${error.message}`,
              remedy: "Set it to a count of threads, or unset it"
            })
        )
      )
      const count = options.threads ?? (configured > 0 ? configured : availableParallelism())
      const found = options.engine === "wasm" ? { reason: "not asked for" } : findBlas()
      if (options.engine === "blas" && "reason" in found)
        return yield* new BackendUnavailable({
          backend: "cpu (BLAS)",
          reason: found.reason,
          remedy: "Install one (Debian and Ubuntu: apt install libopenblas0) or name it in TESSERAE_BLAS"
        })
      const blas = "reason" in found ? undefined : found
      const memory = new Memory(options.limitBytes)
      const engine = makeEngine(instantiateKernels(memory.memory), memory.memory, blas)
      blas?.setThreads(1)
      const threads = yield* Effect.acquireRelease(
        Effect.sync(() => new Threads(blas?.ownThreads ? 1 : count, memory, engine, blas)),
        (pool) => Effect.sync(() => pool.stop())
      )
      const factorizations =
        (blas === undefined ? undefined : lapackFactorizations(blas, memory, count, matrixFactorizations)) ??
        matrixFactorizations
      const engineName = blas === undefined ? "WebAssembly SIMD" : blas.description
      const description = `${engineName}, ${threads.count} thread${threads.count === 1 ? "" : "s"}`
      return Backend.of(cpuKernels(new Dispatch(memory, engine, threads), description, factorizations))
    })
  )
