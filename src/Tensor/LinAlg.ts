import { Effect, type Scope } from "effect"
import { Backend } from "./Backend.ts"
import { compute } from "./Compute.ts"
import { DTypeError, isTensorError, NumericalError, ShapeError, type TensorError } from "./Errors.ts"
import type { Factorizations } from "./Factorizations.ts"
import { toArray, upload } from "./Host.ts"
import type { Shape, Tensor } from "./Tensor.ts"

type Factored<A> = Effect.Effect<A, TensorError, Backend | Scope.Scope>

interface Part {
  readonly data: Float64Array
  readonly shape: Shape
}

/** Downloads matrices, factorises in float64 on the host, uploads the parts in the first matrix's element type. */
const onHost = <Parts extends Record<string, Part>>(
  operation: string,
  matrices: ReadonlyArray<Tensor>,
  factorise: (factorizations: Factorizations, data: ReadonlyArray<Float64Array>) => Parts
): Factored<{ readonly [Name in keyof Parts]: Tensor }> =>
  Effect.gen(function* () {
    const kernels = yield* Backend
    for (const x of matrices) {
      if (x.dtype === "int32")
        return yield* new DTypeError({ operation, expected: ["float32", "float64"], actual: x.dtype })
      if (x.shape.length !== 2)
        return yield* new ShapeError({ operation, reason: "needs matrices", shapes: [x.shape] })
      if (x.shape[0] === 0 || x.shape[1] === 0)
        return yield* new ShapeError({ operation, reason: "the matrix is empty", shapes: [x.shape] })
    }
    const data: Array<Float64Array> = []
    for (const x of matrices) {
      const values = Float64Array.from(yield* toArray(x))
      const bad = values.findIndex((value) => !Number.isFinite(value))
      if (bad >= 0)
        return yield* new NumericalError({
          operation,
          reason: `element [${Math.floor(bad / x.shape[1])}, ${bad % x.shape[1]}] is ${values[bad]}`
        })
      data.push(values)
    }
    const parts = yield* Effect.try({
      try: () => factorise(kernels.factorizations, data),
      catch: (cause) => cause
    }).pipe(Effect.catch((cause) => (isTensorError(cause) ? Effect.fail(cause) : Effect.die(cause))))
    return yield* compute(
      (t) =>
        Object.fromEntries(
          Object.entries(parts).map(([name, part]) => [
            name,
            upload(t.region, part.data, part.shape, matrices[0].dtype)
          ])
        ) as { readonly [Name in keyof Parts]: Tensor }
    )
  })

const requireSquare = (operation: string, x: Tensor): Effect.Effect<void, ShapeError> =>
  x.shape[0] === x.shape[1]
    ? Effect.void
    : Effect.fail(new ShapeError({ operation, reason: "the matrix must be square", shapes: [x.shape] }))

/** Thin singular value decomposition a [m, n] = u [m, k] diag(s) vt [k, n], k = min(m, n), s descending. */
export const svd = (a: Tensor): Factored<{ readonly u: Tensor; readonly s: Tensor; readonly vt: Tensor }> =>
  onHost("svd", [a], (host, [data]) => {
    const [m, n] = a.shape
    const k = Math.min(m, n)
    const { u, s, vt } = host.svd(data, m, n)
    return { u: { data: u, shape: [m, k] }, s: { data: s, shape: [k] }, vt: { data: vt, shape: [k, n] } }
  })

/** Eigenvalues (ascending) and eigenvectors (columns) of a symmetric matrix; only its symmetric part counts. */
export const eigh = (a: Tensor): Factored<{ readonly values: Tensor; readonly vectors: Tensor }> =>
  Effect.andThen(
    requireSquare("eigh", a),
    onHost("eigh", [a], (host, [data]) => {
      const n = a.shape[0]
      const symmetric = data.map((value, i) => (value + data[(i % n) * n + Math.floor(i / n)]) / 2)
      const { values, vectors } = host.eigh(symmetric, n)
      return { values: { data: values, shape: [n] }, vectors: { data: vectors, shape: [n, n] } }
    })
  )

/** a [m, n] = q [m, k] r [k, n] with orthonormal columns of q, k = min(m, n). */
export const qr = (a: Tensor): Factored<{ readonly q: Tensor; readonly r: Tensor }> =>
  onHost("qr", [a], (host, [data]) => {
    const [m, n] = a.shape
    const k = Math.min(m, n)
    const { q, r } = host.qr(data, m, n)
    return { q: { data: q, shape: [m, k] }, r: { data: r, shape: [k, n] } }
  })

/** Lower triangular l with a = l lᵀ; `NumericalError` where a is not positive definite. */
export const cholesky = (a: Tensor): Factored<Tensor> =>
  Effect.andThen(
    requireSquare("cholesky", a),
    Effect.map(
      onHost("cholesky", [a], (host, [data]) => ({
        l: { data: host.cholesky(data, a.shape[0]), shape: a.shape }
      })),
      ({ l }) => l
    )
  )

/** x with a [n, n] x = b [n, columns]; `NumericalError` where a is singular. */
export const solve = (a: Tensor, b: Tensor): Factored<Tensor> =>
  Effect.andThen(
    requireSquare("solve", a),
    Effect.andThen(
      a.shape[0] === b.shape[0]
        ? Effect.void
        : Effect.fail(
            new ShapeError({
              operation: "solve",
              reason: "one row of b a row of a",
              shapes: [a.shape, b.shape]
            })
          ),
      Effect.map(
        onHost("solve", [a, b], (host, [left, right]) => ({
          x: { data: host.solve(left, a.shape[0], right, b.shape[1]), shape: b.shape }
        })),
        ({ x }) => x
      )
    )
  )

/** The x of least norm that minimises ||a x - b||, a [m, n], b [m, columns]; singular values below `tolerance` of the largest count as 0. */
export const lstsq = (a: Tensor, b: Tensor, tolerance = 1e-12): Factored<Tensor> =>
  a.shape[0] !== b.shape[0]
    ? Effect.fail(
        new ShapeError({ operation: "lstsq", reason: "one row of b a row of a", shapes: [a.shape, b.shape] })
      )
    : Effect.map(
        onHost("lstsq", [a, b], (host, [left, right]) => {
          const [m, n] = a.shape
          const columns = b.shape[1]
          const k = Math.min(m, n)
          const { u, s, vt } = host.svd(left, m, n)
          const projected = host.multiply(u, right, k, m, columns, { transposeA: true })
          for (let i = 0; i < k; i++) {
            const inverse = s[i] > tolerance * s[0] ? 1 / s[i] : 0
            for (let j = 0; j < columns; j++) projected[i * columns + j] *= inverse
          }
          return {
            x: {
              data: host.multiply(vt, projected, n, k, columns, { transposeA: true }),
              shape: [n, columns]
            }
          }
        }),
        ({ x }) => x
      )
