import koffi from "koffi"

/** Row-major, as cblas numbers them. */
const rowMajor = 101
const transposeCode = (transpose: number): number => (transpose === 0 ? 111 : 112)

/** C = op(A) op(B) + beta C over row-major matrices at absolute addresses. */
export type AbsoluteGemm = (
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
  ldc: number
) => void

/** A system BLAS that was found, called with plain numbers as addresses. */
export interface Blas {
  readonly path: string
  readonly description: string
  readonly gemm32: AbsoluteGemm
  readonly gemm64: AbsoluteGemm
  /** Threads the library itself may use; 1 while our own threads call it. */
  readonly setThreads: (count: number) => void
  /** True where the library shares work out on its own and cannot be told not to (Accelerate). */
  readonly ownThreads: boolean
  /** A LAPACK routine of Fortran's calling convention, every argument an address; undefined where it is missing. */
  readonly lapack: (
    name: string,
    argumentCount: number
  ) => ((...addresses: Array<number>) => void) | undefined
}

const candidates = (): ReadonlyArray<string> => {
  const named = process.env["TESSERAE_BLAS"]
  if (named !== undefined && named !== "") return [named]
  if (process.platform === "darwin")
    return ["/System/Library/Frameworks/Accelerate.framework/Accelerate", "libopenblas.dylib"]
  if (process.platform === "win32") return ["libopenblas.dll", "openblas.dll", "mkl_rt.2.dll"]
  return ["libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "libmkl_rt.so", "libblis.so.4"]
}

type Library = ReturnType<typeof koffi.load>

const optional = <F>(
  library: Library,
  name: string,
  result: string,
  parameters: Array<string>
): F | undefined => {
  try {
    return library.func(name, result, parameters) as unknown as F
  } catch {
    return undefined
  }
}

const bind = (path: string): Blas => {
  const library = koffi.load(path)
  const product = (name: string, scalar: "float" | "double"): AbsoluteGemm => {
    const call = library.func(name, "void", [
      "int",
      "int",
      "int",
      "int",
      "int",
      "int",
      scalar,
      "uintptr_t",
      "int",
      "uintptr_t",
      "int",
      scalar,
      "uintptr_t",
      "int"
    ]) as unknown as (...values: Array<number>) => void
    return (transposeA, transposeB, m, n, k, a, lda, b, ldb, beta, c, ldc) =>
      call(
        rowMajor,
        transposeCode(transposeA),
        transposeCode(transposeB),
        m,
        n,
        k,
        1,
        a,
        lda,
        b,
        ldb,
        beta,
        c,
        ldc
      )
  }
  const openblas = optional<(count: number) => void>(library, "openblas_set_num_threads", "void", ["int"])
  const mkl = optional<(count: number) => void>(library, "MKL_Set_Num_Threads", "void", ["int"])
  const version = optional<() => string>(library, "openblas_get_config", "const char *", [])
  const accelerate = path.includes("Accelerate")
  return {
    path,
    description: version?.().split(" ").slice(0, 2).join(" ") ?? (accelerate ? "Accelerate" : path),
    gemm32: product("cblas_sgemm", "float"),
    gemm64: product("cblas_dgemm", "double"),
    setThreads: openblas ?? mkl ?? (() => {}),
    ownThreads: openblas === undefined && mkl === undefined,
    lapack: (name, argumentCount) =>
      optional(
        library,
        name,
        "void",
        Array.from({ length: argumentCount }, () => "uintptr_t")
      )
  }
}

/** The first BLAS that loads, or why none did. `TESSERAE_BLAS` names a library to take instead of the usual ones. */
export const findBlas = (): Blas | { readonly reason: string } => {
  const failures: Array<string> = []
  for (const path of candidates()) {
    try {
      return bind(path)
    } catch (cause) {
      failures.push(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  return { reason: failures.join("; ") }
}

/** A BLAS that another thread has found. */
export const openBlas = (path: string): Blas => bind(path)

/** The absolute address of the first byte of a memory; it stays valid while the memory lives. */
export const baseAddress = (memory: WebAssembly.Memory): number =>
  Number(koffi.address(new Uint8Array(memory.buffer)))
