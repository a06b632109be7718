import type { Kernels } from "../wasm/Kernels.ts"

/** The kernels and the matrix product; addresses count from the start of the shared memory. */
export interface Engine {
  readonly kernels: Kernels
  /** The kernels by their numbers, see `kernelNames`. */
  readonly table: ReadonlyArray<(...values: ReadonlyArray<number>) => void>
  readonly gemm: (
    bytes: 4 | 8,
    transposeA: number,
    transposeB: number,
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    ldb: number,
    beta: number,
    c: number,
    ldc: number,
    workspace: number
  ) => void
  /** Bytes of work space that `gemm` needs for these very sizes; a smaller product may need more. */
  readonly workspaceBytes: (bytes: 4 | 8, m: number, n: number, k: number) => number
  /** Into how many parts for each thread a product is best cut; 0 where `gemm` has threads of its own. */
  readonly gemmPartsPerThread: number
}

/** Names of the wasm kernels in a fixed order, so that a number can name one in a job. */
export const kernelNames = (kernels: Kernels): ReadonlyArray<string> =>
  Object.keys(kernels)
    .filter((name) => typeof (kernels as unknown as Record<string, unknown>)[name] === "function")
    .toSorted()

/** The stretch of [0, size) that part `part` of `parts` does. */
export const stretch = (size: number, part: number, parts: number): readonly [number, number] => {
  const each = Math.ceil(size / parts)
  const start = Math.min(size, part * each)
  return [start, Math.min(size, start + each)]
}

/** One part of a piece of work; the same job with the same arguments runs in every thread, with another `part`. */
export type Job = (engine: Engine, part: number, parts: number, values: ArrayLike<number>) => void
