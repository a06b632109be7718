import { availableParallelism } from "node:os"
import { Config, Effect, Layer } from "effect"
import { Backend } from "../Tensor/Backend.ts"
import { BackendUnavailable } from "../Tensor/Errors.ts"
import type { Factorizations } from "../Tensor/Factorizations.ts"
import { baseAddress, type Blas, findBlas, usualNames } from "./host/Blas.ts"
import { cpuKernels } from "./cpu/CpuKernels.ts"
import { Dispatch } from "./cpu/Dispatch.ts"
import { hostProduct } from "./cpu/HostProduct.ts"
import { makeEngine } from "./cpu/Engine.ts"
import { lapackFactorizations } from "./host/Lapack.ts"
import { matrixFactorizations } from "./host/MatrixFactorizations.ts"
import { Memory } from "./cpu/Memory.ts"
import { Threads } from "./cpu/Threads.ts"
import { instantiateKernels } from "./wasm/Kernels.ts"

export interface CpuOptions {
  /** "auto" takes a BLAS where one is found, "blas" insists on it, "wasm" does without. Default "auto". */
  readonly engine?: "auto" | "blas" | "wasm"
  /** Threads that share the work, at least 1; default `TESSERAE_THREADS`, else the processors there are. */
  readonly threads?: number
  /** Most bytes of buffers; default and most 4 GiB. */
  readonly limitBytes?: number
}

const unavailable = (reason: string, remedy: string) =>
  new BackendUnavailable({ backend: "cpu", reason, remedy })

const setThreads = "Set TESSERAE_THREADS to a count of threads, at least 1, or unset it"
const threadsSetting = Config.Int("TESSERAE_THREADS").pipe(
  Config.withDefault(availableParallelism()),
  Effect.mapError((error) =>
    unavailable(`TESSERAE_THREADS is not a whole number: ${error.message}`, setThreads)
  )
)

const countThreads = (options: CpuOptions) =>
  Effect.gen(function* () {
    const count = options.threads ?? (yield* threadsSetting)
    if (Number.isInteger(count) && count >= 1) return count
    return yield* options.threads === undefined
      ? unavailable(`TESSERAE_THREADS is ${count}`, setThreads)
      : unavailable(`${count} threads were asked for`, "Give a whole number, at least 1")
  })

const blasSetting = Config.String("TESSERAE_BLAS").pipe(
  Config.withDefault(""),
  Effect.mapError((error) =>
    unavailable(`TESSERAE_BLAS is not a name: ${error.message}`, "Unset TESSERAE_BLAS")
  )
)

/** A library that is named must load; one that is merely looked for need not. */
const chooseBlas = (engine: CpuOptions["engine"]) =>
  Effect.gen(function* () {
    if (engine === "wasm") return undefined
    const named = yield* blasSetting
    const found: Blas | { readonly reason: string } = findBlas(
      named === "" ? usualNames(process.platform) : [named]
    )
    if (!("reason" in found)) return found
    if (named !== "")
      return yield* unavailable(
        `the library that TESSERAE_BLAS names is no BLAS that can be used: ${found.reason}`,
        "Name a shared library with cblas_sgemm and 32-bit integers, or unset TESSERAE_BLAS"
      )
    if (engine === "blas")
      return yield* unavailable(
        `no BLAS was found: ${found.reason}`,
        "Install one (Debian and Ubuntu: apt install libopenblas0), name it in TESSERAE_BLAS, or ask for the engine wasm"
      )
    return undefined
  })

const reserve = (limitBytes: number | undefined) =>
  limitBytes === undefined || limitBytes > 0
    ? Effect.try({
        try: () => {
          const memory = new Memory(limitBytes)
          return { memory, kernels: instantiateKernels(memory.memory) }
        },
        catch: (cause) =>
          unavailable(
            `its memory or its kernels could not be set up: ${cause instanceof Error ? cause.message : String(cause)}`,
            "It reserves 4 GiB of addresses (see ulimit -v; limitBytes asks for fewer) and needs Node 22.19 or later"
          )
      })
    : Effect.fail(unavailable(`limitBytes is ${limitBytes}`, "Give a positive number of bytes"))

/**
 * The CPU: float32 (default) and float64 buffers in WebAssembly memory, SIMD kernels, and matrix products and
 * factorisations by the system's BLAS on the same bytes where one is found (`TESSERAE_BLAS` names another library),
 * else by wasm and ml-matrix. `Backend.description` tells which. With the wasm engine results do not depend on the number of
 * threads; a BLAS may round the parts of a product differently.
 *
 * Fails with `BackendUnavailable` where `engine: "blas"` finds no BLAS, `TESSERAE_BLAS` names a file that is none, the count of
 * threads is no positive whole number, or the memory cannot be reserved.
 */
export const layer = (options: CpuOptions = {}): Layer.Layer<Backend, BackendUnavailable> =>
  Layer.effect(
    Backend,
    Effect.gen(function* () {
      const count = yield* countThreads(options)
      const blas = yield* chooseBlas(options.engine)
      const { memory, kernels } = yield* reserve(options.limitBytes)
      const engine = makeEngine(kernels, blas && { blas, base: baseAddress(memory.memory) })
      blas?.setThreads(1)
      const threads = yield* Effect.acquireRelease(
        Effect.sync(() => new Threads(count, memory, engine, blas)),
        // Stopping workers takes an event loop: where there are none, a scope can be closed synchronously.
        (pool) => (pool.started === 0 ? Effect.void : Effect.promise(() => pool.stop()))
      )
      const dispatch = new Dispatch(memory, engine, threads)
      const inJavaScript: Factorizations = { ...matrixFactorizations, multiply: hostProduct(dispatch) }
      const factorizations =
        (blas === undefined ? undefined : lapackFactorizations(blas, count, inJavaScript)) ?? inJavaScript
      const engineName = blas === undefined ? "WebAssembly SIMD" : blas.description
      const description = `${engineName}, ${threads.count} thread${threads.count === 1 ? "" : "s"}`
      return Backend.of(cpuKernels(dispatch, description, factorizations))
    })
  )
