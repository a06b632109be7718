import type { Kernels } from "../wasm/Kernels.ts"
import type { Blas } from "../host/Blas.ts"
import { type Engine, kernelNames } from "./Job.ts"

/** A BLAS, and the absolute address of the memory it is to work on. */
export interface NativeProduct {
  readonly blas: Blas
  readonly base: number
}

/** Joins the wasm kernels with the matrix product that was chosen: a BLAS on the same bytes, or the wasm one. */
export const makeEngine = (kernels: Kernels, native: NativeProduct | undefined): Engine => {
  const byName = kernels as unknown as Record<string, (...values: ReadonlyArray<number>) => void>
  const table = kernelNames(kernels).map((name) => byName[name])
  const { gemm_f32, gemm_f64, gemmWorkspace_f32, gemmWorkspace_f64 } = kernels
  if (native === undefined)
    return {
      kernels,
      table,
      gemm: (bytes, tA, tB, m, n, k, a, lda, b, ldb, beta, c, ldc, workspace) =>
        (bytes === 4 ? gemm_f32 : gemm_f64)(tA, tB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc, workspace),
      workspaceBytes: (bytes, m, n, k) => (bytes === 4 ? gemmWorkspace_f32 : gemmWorkspace_f64)(m, n, k),
      gemmPartsPerThread: 2
    }
  const { blas, base } = native
  return {
    kernels,
    table,
    gemm: (bytes, tA, tB, m, n, k, a, lda, b, ldb, beta, c, ldc) => {
      if (m === 0 || n === 0) return
      ;(bytes === 4 ? blas.gemm32 : blas.gemm64)(
        tA,
        tB,
        m,
        n,
        k,
        base + a,
        // An empty inner dimension may leave strides of 0, which cblas refuses.
        Math.max(1, lda),
        base + b,
        Math.max(1, ldb),
        beta,
        base + c,
        ldc
      )
    },
    workspaceBytes: () => 0,
    // A BLAS packs one operand anew for each part: two parts a thread cost it a tenth.
    gemmPartsPerThread: blas.ownThreads ? 0 : 1
  }
}
