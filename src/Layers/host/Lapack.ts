import { NumericalError } from "../../Tensor/Errors.ts"
import type { Factorizations } from "../../Tensor/Factorizations.ts"
import { baseAddress, type Blas } from "./Blas.ts"
import type { Memory } from "../cpu/Memory.ts"

type Routine = (...addresses: Array<number>) => void

const routineNames = {
  dgesdd_: 14,
  dsyevd_: 11,
  dgelqf_: 8,
  dorglq_: 9,
  dpotrf_: 5,
  dgetrf_: 6,
  dgecon_: 9,
  dgetrs_: 9
} as const

/** Scalars and characters of one call, in the order they are asked for. */
const scalarBytes = 512

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
  const query = frame.doubles(1)
  const integers = frame.integers(Math.max(1, integerCount))
  frame.writeInteger(integers, 0)
  const ask = frame.integer(-1)
  run(query, ask, integers, ask)
  const length = Math.max(1, frame.readDouble(query))
  const wanted = Math.max(integerCount, frame.readInteger(integers))
  run(frame.doubles(length), frame.integer(length), frame.integers(wanted), frame.integer(wanted))
}

/**
 * Factorisations by the LAPACK inside a BLAS. LAPACK is column-major, so a row-major matrix is handed over as its
 * transpose and the routine of the transpose is called (LQ for QR, U and V exchanged), which saves every copy but one.
 * undefined where the library has no LAPACK.
 */
export const lapackFactorizations = (
  blas: Blas,
  memory: Memory,
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
  const base = baseAddress(memory.memory)

  /** Lends memory and addresses for one call, and gives everything back. */
  const call = <A>(body: (frame: Frame) => A): A => {
    const blocks: Array<ReturnType<Memory["allocate"]>> = []
    const allocate = (bytes: number) => {
      const block = memory.allocate(Math.max(8, bytes))
      blocks.push(block)
      return block.address
    }
    try {
      blas.setThreads(threads)
      return body(new Frame(memory, base, allocate))
    } finally {
      blas.setThreads(1)
      for (const block of blocks) memory.release(block)
    }
  }

  /** The reciprocal condition number, in the maximum norm, of a matrix whose LU factors lie at `factors`. */
  const conditionOf = (frame: Frame, factors: number, a: Float64Array, n: number): number => {
    let norm = 0
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += Math.abs(a[i * n + j])
      norm = Math.max(norm, sum)
    }
    const [size, anorm, result, info] = [
      frame.integer(n),
      frame.doubles(1),
      frame.doubles(1),
      frame.integer(0)
    ]
    frame.writeDouble(anorm, norm)
    // LAPACK sees the transpose, whose 1-norm is this matrix's maximum norm.
    lapack.dgecon_(
      frame.character("1"),
      size,
      factors,
      size,
      anorm,
      result,
      frame.doubles(4 * n),
      frame.integers(n),
      info
    )
    return frame.readDouble(result)
  }

  return {
    description: `LAPACK of ${blas.description}`,
    svd: (a, m, n) =>
      call((frame) => {
        const k = Math.min(m, n)
        const matrix = frame.upload(a)
        const [s, u, vt] = [frame.doubles(k), frame.doubles(n * k), frame.doubles(k * m)]
        const [rows, columns, ldvt] = [frame.integer(n), frame.integer(m), frame.integer(k)]
        const [job, info] = [frame.character("S"), frame.integer(0)]
        withWork(
          frame,
          (work, length, integers) =>
            lapack.dgesdd_(
              job,
              rows,
              columns,
              matrix,
              rows,
              s,
              u,
              rows,
              vt,
              ldvt,
              work,
              length,
              integers,
              info
            ),
          8 * k
        )
        check("svd", frame.readInteger(info), "the iteration did not converge")
        return { u: frame.download(vt, m * k), s: frame.download(s, k), vt: frame.download(u, k * n) }
      }),
    eigh: (a, n) =>
      call((frame) => {
        const [matrix, values] = [frame.upload(a), frame.doubles(n)]
        const size = frame.integer(n)
        const [job, triangle, info] = [frame.character("V"), frame.character("U"), frame.integer(0)]
        withWork(
          frame,
          (work, length, integers, integersLength) =>
            lapack.dsyevd_(
              job,
              triangle,
              size,
              matrix,
              size,
              values,
              work,
              length,
              integers,
              integersLength,
              info
            ),
          0
        )
        check("eigh", frame.readInteger(info), "the iteration did not converge")
        const rows = frame.download(matrix, n * n)
        const vectors = new Float64Array(n * n)
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) vectors[j * n + i] = rows[i * n + j]
        return { values: frame.download(values, n), vectors }
      }),
    qr: (a, m, n) =>
      call((frame) => {
        const k = Math.min(m, n)
        const [matrix, tau] = [frame.upload(a), frame.doubles(k)]
        const [rows, columns, rank] = [frame.integer(n), frame.integer(m), frame.integer(k)]
        const info = frame.integer(0)
        withWork(
          frame,
          (work, length) => lapack.dgelqf_(rows, columns, matrix, rows, tau, work, length, info),
          0
        )
        check("qr", frame.readInteger(info), "did not converge")
        const factored = frame.download(matrix, m * n)
        const r = new Float64Array(k * n)
        for (let i = 0; i < k; i++) for (let j = i; j < n; j++) r[i * n + j] = factored[i * n + j]
        withWork(
          frame,
          (work, length) => lapack.dorglq_(rank, columns, rank, matrix, rows, tau, work, length, info),
          0
        )
        check("qr", frame.readInteger(info), "did not converge")
        const full = frame.download(matrix, m * n)
        if (k === n) return { q: full, r }
        const q = new Float64Array(m * k)
        for (let i = 0; i < m; i++) q.set(full.subarray(i * n, i * n + k), i * k)
        return { q, r }
      }),
    cholesky: (a, n) =>
      call((frame) => {
        const matrix = frame.upload(a)
        const [size, triangle, info] = [frame.integer(n), frame.character("U"), frame.integer(0)]
        lapack.dpotrf_(triangle, size, matrix, size, info)
        const failed = frame.readInteger(info)
        check(
          "cholesky",
          failed,
          `the leading minor of order ${failed} of ${n} is not positive; add a ridge to the diagonal`
        )
        const l = frame.download(matrix, n * n)
        for (let i = 0; i < n; i++) l.fill(0, i * n + i + 1, (i + 1) * n)
        return l
      }),
    solve: (a, n, b, columns) =>
      call((frame) => {
        const transposed = new Float64Array(n * columns)
        for (let i = 0; i < n; i++)
          for (let j = 0; j < columns; j++) transposed[j * n + i] = b[i * columns + j]
        const [matrix, right, pivots] = [frame.upload(a), frame.upload(transposed), frame.integers(n)]
        const [size, count, info] = [frame.integer(n), frame.integer(columns), frame.integer(0)]
        lapack.dgetrf_(size, size, matrix, size, pivots, info)
        const failed = frame.readInteger(info)
        check("solve", failed, `the matrix is singular: pivot ${failed} of ${n} is 0`)
        const reciprocal = conditionOf(frame, matrix, a, n)
        if (!(reciprocal > Number.EPSILON))
          throw new NumericalError({
            operation: "solve",
            reason: `the matrix is singular to working precision: its condition number is about ${(1 / reciprocal).toExponential(1)}`
          })
        lapack.dgetrs_(frame.character("T"), size, count, matrix, size, pivots, right, size, info)
        const x = frame.download(right, n * columns)
        const result = new Float64Array(n * columns)
        for (let i = 0; i < n; i++) for (let j = 0; j < columns; j++) result[i * columns + j] = x[j * n + i]
        return result
      }),
    multiply: (a, b, m, k, n) =>
      m * k * n === 0
        ? fallback.multiply(a, b, m, k, n)
        : call((frame) => {
            const [left, right, product] = [frame.upload(a), frame.upload(b), frame.doubles(m * n)]
            blas.gemm64(0, 0, m, n, k, left, k, right, n, 0, product, n)
            return frame.download(product, m * n)
          }),
    gram: (a, m, k) =>
      m * k === 0
        ? fallback.gram(a, m, k)
        : call((frame) => {
            const [rows, product] = [frame.upload(a), frame.doubles(m * m)]
            blas.gemm64(0, 1, m, m, k, rows, k, rows, k, 0, product, m)
            return frame.download(product, m * m)
          })
  }
}

/** The arguments of one LAPACK call, all of them addresses in the shared memory. */
class Frame {
  readonly #memory: Memory
  readonly #base: number
  readonly #allocate: (bytes: number) => number
  #scalars: number
  readonly #end: number

  constructor(memory: Memory, base: number, allocate: (bytes: number) => number) {
    this.#memory = memory
    this.#base = base
    this.#allocate = allocate
    this.#scalars = allocate(scalarBytes)
    this.#end = this.#scalars + scalarBytes
  }

  #scalar(): number {
    if (this.#scalars + 8 > this.#end) throw new RangeError("too many scalars in one LAPACK call")
    const address = this.#scalars
    this.#scalars += 8
    return address
  }

  integer(value: number): number {
    const address = this.#scalar()
    this.#memory.int32[address >>> 2] = value
    return this.#base + address
  }

  character(letter: string): number {
    const address = this.#scalar()
    this.#memory.bytes[address] = letter.charCodeAt(0)
    return this.#base + address
  }

  integers(count: number): number {
    return this.#base + this.#allocate(4 * count)
  }

  doubles(count: number): number {
    return this.#base + this.#allocate(8 * count)
  }

  upload(values: Float64Array): number {
    const address = this.#allocate(8 * values.length)
    this.#memory.float64.set(values, address / 8)
    return this.#base + address
  }

  download(absolute: number, count: number): Float64Array {
    const start = (absolute - this.#base) / 8
    return new Float64Array(this.#memory.float64.subarray(start, start + count))
  }

  writeInteger(absolute: number, value: number): void {
    this.#memory.int32[(absolute - this.#base) >>> 2] = value
  }

  readInteger(absolute: number): number {
    return this.#memory.int32[(absolute - this.#base) >>> 2]
  }

  writeDouble(absolute: number, value: number): void {
    this.#memory.float64[(absolute - this.#base) / 8] = value
  }

  readDouble(absolute: number): number {
    return this.#memory.float64[(absolute - this.#base) / 8]
  }
}
