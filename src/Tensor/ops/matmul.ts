import { ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { sameShape, type Shape, type Tensor } from "../Tensor.ts"
import { requireFloat, requireSameDType } from "./arguments.ts"
import { sumTo } from "./sumTo.ts"

export interface Transposes {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

const product = (r: Region, a: Tensor, b: Tensor, transposes: Transposes, bias?: Tensor): Tensor => {
  const { transposeA = false, transposeB = false } = transposes
  const [rankA, rankB] = [a.shape.length, b.shape.length]
  const wrong = (reason: string) =>
    new ShapeError({ operation: "matmul", reason, shapes: [a.shape, b.shape] })
  if (rankA < 2 || rankB < 2) throw wrong("both must have at least two dimensions")
  const [m, ka] = transposeA
    ? [a.shape[rankA - 1], a.shape[rankA - 2]]
    : [a.shape[rankA - 2], a.shape[rankA - 1]]
  const [kb, n] = transposeB
    ? [b.shape[rankB - 1], b.shape[rankB - 2]]
    : [b.shape[rankB - 2], b.shape[rankB - 1]]
  if (ka !== kb) throw wrong(`inner sizes ${ka} and ${kb} differ`)
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  if (batchA.length > 0 && batchB.length > 0 && !sameShape(batchA, batchB)) throw wrong("batches differ")
  const batch: Shape = batchA.length > 0 ? batchA : batchB
  return r.make([...batch, m, n], a.dtype, r.kernels.matmul(a, b, { transposeA, transposeB, bias }))
}

/** Rows of all batches as one matrix, where that changes nothing. */
const asRows = (r: Region, x: Tensor): Tensor =>
  x.shape.length === 2 ? x : r.alias(x, [rowsOf(x.shape), x.shape[x.shape.length - 1]])

const rowsOf = (shape: Shape): number => shape.slice(0, -1).reduce((rows, size) => rows * size, 1)

const gradientOfA = (r: Region, a: Tensor, b: Tensor, g: Tensor, transposes: Transposes): Tensor => {
  const { transposeA = false, transposeB = false } = transposes
  const full = transposeA
    ? product(r, b, g, { transposeA: transposeB, transposeB: true })
    : product(r, g, b, { transposeB: !transposeB })
  return sumTo(r, full, a.shape)
}

const gradientOfB = (r: Region, a: Tensor, b: Tensor, g: Tensor, transposes: Transposes): Tensor => {
  const { transposeA = false, transposeB = false } = transposes
  // x [batch..., m, k], w [k, n]: all rows in one product instead of a sum over batches.
  if (b.shape.length === 2 && !transposeA) {
    const [rows, gradients] = [asRows(r, a), asRows(r, g)]
    return transposeB
      ? product(r, gradients, rows, { transposeA: true })
      : product(r, rows, gradients, { transposeA: true })
  }
  const full = transposeB
    ? product(r, g, a, { transposeA: true, transposeB: transposeA })
    : product(r, a, g, { transposeA: !transposeA })
  return sumTo(r, full, b.shape)
}

/** op(a) op(b) for a [batch..., m, k] and b [batch..., k, n]; one of them may be without batch dimensions. */
export const matmul = (r: Region, a: Tensor, b: Tensor, transposes: Transposes = {}): Tensor => {
  r.check("matmul", a, b)
  requireFloat("matmul", a)
  requireSameDType("matmul", a, b)
  return r.record(product(r, a, b, transposes), [a, b], (g) => [
    r.isTracked(a) ? gradientOfA(r, a, b, g, transposes) : undefined,
    r.isTracked(b) ? gradientOfB(r, a, b, g, transposes) : undefined
  ])
}

/** x w + bias for x [..., inputs], w [inputs, outputs], bias [outputs]: an affine layer in one kernel. */
export const linear = (r: Region, x: Tensor, w: Tensor, bias?: Tensor): Tensor => {
  r.check("linear", x, w)
  requireFloat("linear", x)
  requireSameDType("linear", x, w)
  if (x.shape.length < 1 || w.shape.length !== 2)
    throw new ShapeError({
      operation: "linear",
      reason: "x [..., inputs], w [inputs, outputs]",
      shapes: [x.shape, w.shape]
    })
  if (bias !== undefined) {
    r.check("linear", bias)
    requireSameDType("linear", x, bias)
    if (!sameShape(bias.shape, [w.shape[1]]))
      throw new ShapeError({
        operation: "linear",
        reason: "one bias an output",
        shapes: [w.shape, bias.shape]
      })
  }
  const asMatrix = (z: Tensor, columns: number) => r.alias(z, [rowsOf(x.shape), columns])
  const [inputs, outputs] = [x.shape[x.shape.length - 1], w.shape[1]]
  // Only y is to outlast this: another name for its memory would keep it after the tape has let y go.
  const y = r.tidy(() =>
    r.alias(product(r, asMatrix(x, inputs), w, {}, bias), [...x.shape.slice(0, -1), outputs])
  )
  return r.record(y, bias === undefined ? [x, w] : [x, w, bias], (g) => {
    const gradients = asMatrix(g, outputs)
    return [
      r.isTracked(x) ? r.alias(product(r, gradients, w, { transposeB: true }), x.shape) : undefined,
      r.isTracked(w) ? product(r, asMatrix(x, inputs), gradients, { transposeA: true }) : undefined,
      bias !== undefined && r.isTracked(bias) ? sumTo(r, gradients, bias.shape) : undefined
    ]
  })
}
