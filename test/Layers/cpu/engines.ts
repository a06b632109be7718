import { Effect } from "effect"
import { cpuKernels } from "../../../src/Layers/cpu/CpuKernels.ts"
import { Dispatch } from "../../../src/Layers/cpu/Dispatch.ts"
import { makeEngine } from "../../../src/Layers/cpu/Engine.ts"
import { Memory } from "../../../src/Layers/cpu/Memory.ts"
import { Threads } from "../../../src/Layers/cpu/Threads.ts"
import { baseAddress, type Blas, findBlas, usualNames } from "../../../src/Layers/host/Blas.ts"
import { matrixFactorizations } from "../../../src/Layers/host/MatrixFactorizations.ts"
import { instantiateKernels } from "../../../src/Layers/wasm/Kernels.ts"

/** The BLAS of this machine, where it has one. */
export const systemBlas = (): Blas | undefined => {
  const found = findBlas(usualNames(process.platform))
  return "reason" in found ? undefined : found
}

/** The CPU backend with its parts in view; the workers end with the scope. */
export const engine = (threadCount: number, options: { limitBytes?: number; blas?: Blas } = {}) =>
  Effect.gen(function* () {
    const memory = new Memory(options.limitBytes)
    const made = makeEngine(
      instantiateKernels(memory.memory),
      options.blas && { blas: options.blas, base: baseAddress(memory.memory) }
    )
    options.blas?.setThreads(1)
    const threads = yield* Effect.acquireRelease(
      Effect.sync(() => new Threads(threadCount, memory, made, options.blas)),
      (pool) => Effect.promise(() => pool.stop())
    )
    const dispatch = new Dispatch(memory, made, threads)
    return { memory, threads, dispatch, kernels: cpuKernels(dispatch, "under test", matrixFactorizations) }
  })
