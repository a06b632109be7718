import { totalmem } from "node:os"
import { NumericalError, OutOfMemory } from "../../Tensor/Errors.ts"
import type { Factorizations } from "../../Tensor/Factorizations.ts"
import { transposed } from "../../Tensor/HostMatrix.ts"
import { addressOf, type Blas } from "./Blas.ts"
import { singularTriangle, zeroOnDiagonal } from "./Triangular.ts"

type Routine = (...addresses: Array<number>) => void

const routineNames = {
  dgesdd_: 14,
  dsyevd_: 11,
  dgelqf_: 8,
  dorglq_: 9,
  dpotrf_: 5,
  dgetrf_: 6,
  dgecon_: 9,
  dgetrs_: 9,
  dtrsm_: 11
} as const

const check = (operation: string, info: number, positive: string): void => {
  if (info > 0) throw new NumericalError({ operation, reason: positive })
  if (info < 0)
    throw new NumericalError({
      operation,
      reason: `LAPACK refused its argument ${-info} (NaN or infinite input)`
    })
}

/** Asks the routine how much work space it wants, then runs it. */
const withWork = (
  frame: Frame,
  run: (work: number, workLength: number, integers: number, integersLength: number) => void,
  integerCount: number
): void => {
  const query = new Float64Array(1)
  const integers = new Int32Array(Math.max(1, integerCount))
  const ask = frame.integer(-1)
  run(frame.lend(query), ask, frame.lend(integers), ask)
  const length = Math.max(1, query[0])
  const wanted = Math.max(integerCount, integers[0])
  run(
    frame.lend(doubles(length)),
    frame.integer(length),
    frame.lend(new Int32Array(wanted)),
    frame.integer(wanted)
  )
}

/**
 * Factorisations by the LAPACK inside a BLAS. LAPACK is column-major, so a row-major matrix is handed over as its
 * transpose and the routine of the transpose is called (LQ for QR, U and V exchanged). It works on the host's arrays where
 * they lie: nothing is copied but what a routine would overwrite. undefined where the library has no LAPACK.
 */
export const lapackFactorizations = (
  blas: Blas,
  threads: number,
  fallback: Factorizations
): Factorizations | undefined => {
  const routines: Partial<Record<keyof typeof routineNames, Routine>> = {}
  for (const [name, count] of Object.entries(routineNames)) {
    const routine = blas.lapack(name, count)
    if (routine === undefined) return undefined
    routines[name as keyof typeof routineNames] = routine
  }
  const lapack = routines as Record<keyof typeof routineNames, Routine>

  /** Lends arrays for one call, and the library its threads. */
  const call = <A>(body: (frame: Frame) => A): A => {
    try {
      blas.setThreads(threads)
      return body(new Frame())
    } finally {
      blas.setThreads(1)
    }
  }

  /** The reciprocal condition number, in the maximum norm, of a matrix a whose LU factors are given. */
  const conditionOf = (frame: Frame, factors: number, a: Float64Array, n: number): number => {
    let norm = 0
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += Math.abs(a[i * n + j])
      norm = Math.max(norm, sum)
    }
    const result = new Float64Array(1)
    const size = frame.integer(n)
    // LAPACK sees the transpose, whose 1-norm is this matrix's maximum norm.
    lapack.dgecon_(
      frame.character("1"),
      size,
      factors,
      size,
      frame.lend(Float64Array.of(norm)),
      frame.lend(result),
      frame.lend(doubles(4 * n)),
      frame.lend(new Int32Array(n)),
      frame.info()
    )
    return result[0]
  }

  /** Eigenvalues ascending; with "V" the eigenvectors, one a row, take the place of a copy of the matrix. */
  const symmetricEigen = (job: "N" | "V", a: Float64Array, n: number) =>
    call((frame) => {
      const [matrix, values] = [copyOf(a), doubles(n)]
      const [address, size] = [frame.lend(matrix), frame.integer(n)]
      const [task, triangle] = [frame.character(job), frame.character("U")]
      const [w, info] = [frame.lend(values), frame.info()]
      withWork(
        frame,
        (work, length, integers, integersLength) =>
          lapack.dsyevd_(
            task,
            triangle,
            size,
            address,
            size,
            w,
            work,
            length,
            integers,
            integersLength,
            info
          ),
        0
      )
      check("eigh", frame.failure, "the iteration did not converge")
      return { values, rows: matrix }
    })

  return {
    description: `LAPACK of ${blas.description}`,
    svd: (a, m, n) =>
      call((frame) => {
        const k = Math.min(m, n)
        const [s, u, vt] = [doubles(k), doubles(m * k), doubles(k * n)]
        const matrix = frame.lend(copyOf(a))
        const [sigma, left, right] = [s, vt, u].map((x) => frame.lend(x))
        const [rows, columns, ldvt] = [n, m, k].map((size) => frame.integer(size))
        const [job, info] = [frame.character("S"), frame.info()]
        withWork(
          frame,
          (work, length, integers) =>
            lapack.dgesdd_(
              job,
              rows,
              columns,
              matrix,
              rows,
              sigma,
              left,
              rows,
              right,
              ldvt,
              work,
              length,
              integers,
              info
            ),
          8 * k
        )
        check("svd", frame.failure, "the iteration did not converge")
        return { u, s, vt }
      }),
    eigh: (a, n) => {
      const { values, rows } = symmetricEigen("V", a, n)
      return { values, vectors: transposed(rows, n, n) }
    },
    eigenvalues: (a, n) => symmetricEigen("N", a, n).values,
    qr: (a, m, n) =>
      call((frame) => {
        const k = Math.min(m, n)
        const factored = copyOf(a)
        const [matrix, tau] = [frame.lend(factored), frame.lend(doubles(k))]
        const [rows, columns, rank] = [n, m, k].map((size) => frame.integer(size))
        const info = frame.info()
        withWork(
          frame,
          (work, length) => lapack.dgelqf_(rows, columns, matrix, rows, tau, work, length, info),
          0
        )
        check("qr", frame.failure, "did not converge")
        const r = doubles(k * n)
        for (let i = 0; i < k; i++) for (let j = i; j < n; j++) r[i * n + j] = factored[i * n + j]
        withWork(
          frame,
          (work, length) => lapack.dorglq_(rank, columns, rank, matrix, rows, tau, work, length, info),
          0
        )
        check("qr", frame.failure, "did not converge")
        if (k === n) return { q: factored, r }
        const q = doubles(m * k)
        for (let i = 0; i < m; i++) q.set(factored.subarray(i * n, i * n + k), i * k)
        return { q, r }
      }),
    cholesky: (a, n) =>
      call((frame) => {
        const l = copyOf(a)
        const size = frame.integer(n)
        lapack.dpotrf_(frame.character("U"), size, frame.lend(l), size, frame.info())
        check(
          "cholesky",
          frame.failure,
          `the leading minor of order ${frame.failure} of ${n} is not positive; add a ridge to the diagonal`
        )
        for (let i = 0; i < n; i++) l.fill(0, i * n + i + 1, (i + 1) * n)
        return l
      }),
    solve: (a, n, b, columns) =>
      call((frame) => {
        const x = transposed(b, n, columns)
        const [matrix, right] = [frame.lend(copyOf(a)), frame.lend(x)]
        const pivots = frame.lend(new Int32Array(n))
        const [size, count, info] = [frame.integer(n), frame.integer(columns), frame.info()]
        lapack.dgetrf_(size, size, matrix, size, pivots, info)
        check("solve", frame.failure, `the matrix is singular: pivot ${frame.failure} of ${n} is 0`)
        const reciprocal = conditionOf(frame, matrix, a, n)
        if (!(reciprocal > Number.EPSILON))
          throw new NumericalError({
            operation: "solve",
            reason: `the matrix is singular to working precision: its condition number is about ${(1 / reciprocal).toExponential(1)}`
          })
        lapack.dgetrs_(frame.character("T"), size, count, matrix, size, pivots, right, size, info)
        return transposed(x, columns, n)
      }),
    solveTriangular: (l, n, b, columns, isTransposed = false) => {
      const singular = zeroOnDiagonal(l, n)
      if (singular >= 0) throw singularTriangle(singular, n)
      return n * columns === 0
        ? doubles(0)
        : call((frame) => {
            const x = copyOf(b)
            // LAPACK sees xᵀ U = bᵀ with U = lᵀ, so that b stays as it lies.
            lapack.dtrsm_(
              frame.character("R"),
              frame.character("U"),
              frame.character(isTransposed ? "T" : "N"),
              frame.character("N"),
              frame.integer(columns),
              frame.integer(n),
              frame.lend(Float64Array.of(1)),
              frame.lend(l),
              frame.integer(n),
              frame.lend(x),
              frame.integer(columns)
            )
            return x
          })
    },
    multiply: (a, b, m, k, n, options = {}) =>
      m * k * n === 0
        ? fallback.multiply(a, b, m, k, n, options)
        : call((frame) => {
            const { transposeA = false, transposeB = false } = options
            const product = doubles(m * n)
            blas.gemm64(
              Number(transposeA),
              Number(transposeB),
              m,
              n,
              k,
              frame.lend(a),
              transposeA ? m : k,
              frame.lend(b),
              transposeB ? k : n,
              0,
              frame.lend(product),
              n
            )
            return product
          })
  }
}

/** Zeros; throws `OutOfMemory` where the machine has no room for them. */
const doubles = (length: number): Float64Array => {
  try {
    return new Float64Array(length)
  } catch {
    throw new OutOfMemory({
      backend: "LAPACK",
      requestedBytes: 8 * length,
      liveBytes: process.memoryUsage().arrayBuffers,
      limitBytes: totalmem()
    })
  }
}

const copyOf = (values: Float64Array): Float64Array => {
  const copy = doubles(values.length)
  copy.set(values)
  return copy
}

/** Numbers of an argument list, in the order they are asked for. */
const scalarCount = 64

/** The arguments of one call, all of them addresses; the arrays live as long as it does. */
class Frame {
  readonly #scalars = new Int32Array(scalarCount)
  readonly #scalarsAddress = addressOf(this.#scalars)
  readonly #lent: Array<Float64Array | Int32Array> = []
  #taken = 0
  #info = 0

  #scalar(value: number): number {
    if (this.#taken === scalarCount) throw new RangeError("too many scalars in one LAPACK call")
    this.#scalars[this.#taken] = value
    return this.#scalarsAddress + 4 * this.#taken++
  }

  integer(value: number): number {
    return this.#scalar(value)
  }

  character(letter: string): number {
    return this.#scalar(letter.charCodeAt(0))
  }

  /** Where the routine says what went wrong; `failure` reads it. */
  info(): number {
    this.#info = this.#taken
    return this.#scalar(0)
  }

  get failure(): number {
    return this.#scalars[this.#info]
  }

  /** The address of an array's first element. */
  lend(values: Float64Array | Int32Array): number {
    this.#lent.push(values)
    return addressOf(values)
  }
}
