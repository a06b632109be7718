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
  /** Threads the library itself may use, in the whole process; 1 while our own threads call it. */
  readonly setThreads: (count: number) => void
  /** True where the library shares work out on its own and cannot be told not to (Accelerate). */
  readonly ownThreads: boolean
  /** A LAPACK routine of Fortran's calling convention, every argument an address; undefined where it is missing. */
  readonly lapack: (
    name: string,
    argumentCount: number
  ) => ((...addresses: Array<number>) => void) | undefined
}

/**
 * Names a BLAS goes by. On Linux libopenblas.so.0 is what Debian, Ubuntu, Arch and Fedora (there without threads) install,
 * with p and o Fedora's for pthreads and OpenMP. The reference BLAS (libblas.so.3) is not among them: it is slower than the
 * wasm kernels. Nor is a library with 64-bit integers (libopenblas64_).
 */
export const usualNames = (platform: NodeJS.Platform): ReadonlyArray<string> => {
  if (platform === "darwin")
    return [
      "/System/Library/Frameworks/Accelerate.framework/Accelerate",
      "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
      "libopenblas.dylib"
    ]
  if (platform === "win32") return ["libopenblas.dll", "openblas.dll", "mkl_rt.3.dll", "mkl_rt.2.dll"]
  return [
    "libopenblas.so.0",
    "libopenblasp.so.0",
    "libopenblaso.so.0",
    "libopenblas.so",
    "libmkl_rt.so.3",
    "libmkl_rt.so.2",
    "libmkl_rt.so",
    "libblis.so.4",
    "libflexiblas.so.3"
  ]
}

// OpenBLAS's threaded LU keeps its table of jobs on the stack: one of the 2 MiB that koffi gives a call by default runs over.
koffi.config({ ...koffi.config(), sync_stack_size: 16 * 1024 * 1024 })

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

/**
 * Throws where the library reads 64-bit integers (ILP64): it would take sizes for other ones. Scales one number with a count
 * of which the lower half says 1 and the whole, read as 64 bits, something negative, for which nothing is done.
 */
const requireInt32 = (library: Library): void => {
  type Scale = (n: Int32Array, alpha: Float64Array, x: Float64Array, step: Int32Array) => void
  const scale = optional<Scale>(library, "dscal_", "void", ["void *", "void *", "_Inout_ void *", "void *"])
  if (scale === undefined) return
  const x = Float64Array.of(1)
  scale(Int32Array.of(1, -1), Float64Array.of(2), x, Int32Array.of(1, 0))
  if (x[0] !== 2) throw new Error("it takes 64-bit integers (ILP64); the build with 32-bit ones is needed")
}

/** "OpenBLAS 0.3.21", "MKL 2026.2": the name and version that a library gives itself; undefined where it gives none. */
const versionOf = (library: Library): string | undefined => {
  const openBlasConfiguration = optional<() => string>(library, "openblas_get_config", "const char *", [])
  if (openBlasConfiguration) return openBlasConfiguration().split(" ").slice(0, 2).join(" ")
  type Fill = (text: Buffer, size: number) => void
  const mklVersion = optional<Fill>(library, "mkl_get_version_string", "void", ["_Out_ void *", "int"])
  if (!mklVersion) return undefined
  const text = Buffer.alloc(200)
  mklVersion(text, text.length)
  return `MKL ${/Version ([\d.]+)/.exec(text.toString("latin1"))?.[1] ?? ""}`.trim()
}

/** Loads a BLAS; throws where there is none of that name, or it is none that can be used. */
export const openBlas = (path: string): Blas => {
  const library = koffi.load(path)
  requireInt32(library)
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
  const threadSetters = [
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
    "bli_thread_set_num_threads",
    "flexiblas_set_num_threads"
  ]
  const setter = threadSetters
    .map((name) =>
      optional<(count: number) => void>(library, name, "void", [name.startsWith("bli_") ? "int64" : "int"])
    )
    .find((found) => found !== undefined)
  const accelerate = path.includes("Accelerate")
  return {
    path,
    description: versionOf(library) ?? (accelerate ? "Accelerate" : path),
    gemm32: product("cblas_sgemm", "float"),
    gemm64: product("cblas_dgemm", "double"),
    setThreads: setter ?? (() => {}),
    ownThreads: accelerate,
    lapack: (name, argumentCount) =>
      optional(
        library,
        name,
        "void",
        Array.from({ length: argumentCount }, () => "uintptr_t")
      )
  }
}

/** The first of these libraries that loads, or why none did. */
export const findBlas = (names: ReadonlyArray<string>): Blas | { readonly reason: string } => {
  const failures: Array<string> = []
  for (const name of names) {
    try {
      return openBlas(name)
    } catch (cause) {
      failures.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  return { reason: failures.join("; ") }
}

/** The absolute address of the first element of an array, which stays where it is while the array lives. */
export const addressOf = (values: NodeJS.TypedArray): number => Number(koffi.address(values))

/** The absolute address of the first byte of a memory; it stays valid while the memory lives. */
export const baseAddress = (memory: WebAssembly.Memory): number => addressOf(new Uint8Array(memory.buffer))
