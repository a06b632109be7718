import type { BinaryOperation, CompareOperation, UnaryOperation } from "../Backend.ts"
import { DTypeError, ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { broadcastShapes, type DType, sameShape, type Shape, type Tensor } from "../Tensor.ts"
import { alongShape, requireFloat, requireShape, unchanged } from "./arguments.ts"
import { sumTo } from "./sumTo.ts"

export const full = (r: Region, shape: Shape, value: number, dtype?: DType): Tensor => {
  const type = dtype ?? r.kernels.defaultFloat
  requireShape("full", shape)
  if (!r.kernels.dtypes.has(type))
    throw new DTypeError({
      operation: `full (${r.kernels.name})`,
      expected: [...r.kernels.dtypes],
      actual: type
    })
  return r.make(shape, type, r.kernels.fill(value, shape, type))
}

export const cast = (r: Region, x: Tensor, dtype: DType): Tensor => {
  r.check("cast", x)
  if (x.dtype === dtype) return unchanged(r, x)
  if (!r.kernels.dtypes.has(dtype))
    throw new DTypeError({
      operation: `cast (${r.kernels.name})`,
      expected: [...r.kernels.dtypes],
      actual: dtype
    })
  const y = r.make(x.shape, dtype, r.kernels.cast(x, dtype))
  return x.dtype === "int32" || dtype === "int32" ? y : r.record(y, [x], (g) => [cast(r, g, x.dtype)])
}

const operand = (r: Region, x: Tensor | number, like: Tensor | number): Tensor =>
  typeof x !== "number" ? x : full(r, [], x, typeof like === "number" ? undefined : like.dtype)

const unary = (r: Region, operation: UnaryOperation, x: Tensor): Tensor => {
  r.check(operation, x)
  if (x.dtype === "int32" && !["negate", "abs", "square", "sign"].includes(operation))
    requireFloat(operation, x)
  return r.make(x.shape, x.dtype, r.kernels.unary(operation, x))
}

const broadcast = (operation: string, a: Tensor, b: Tensor): Shape => {
  if (a.dtype !== b.dtype) throw new DTypeError({ operation, expected: [a.dtype], actual: b.dtype })
  const shape = sameShape(a.shape, b.shape) ? a.shape : broadcastShapes(a.shape, b.shape)
  if (shape === undefined)
    throw new ShapeError({ operation, reason: "shapes do not broadcast", shapes: [a.shape, b.shape] })
  return shape
}

const binary = (r: Region, operation: BinaryOperation, a: Tensor, b: Tensor): Tensor => {
  r.check(operation, a, b)
  const shape = broadcast(operation, a, b)
  if (operation === "divide" || operation === "power") requireFloat(operation, a)
  return r.make(shape, a.dtype, r.kernels.binary(operation, a, b, shape))
}

/** Gradients of a broadcast pair: each summed back to its operand's shape, and not computed where nobody asks. */
const pair = (
  r: Region,
  output: Tensor,
  a: Tensor,
  b: Tensor,
  gradientA: (g: Tensor) => Tensor,
  gradientB: (g: Tensor) => Tensor
): Tensor =>
  r.record(output, [a, b], (g) => [
    r.isTracked(a) ? sumTo(r, gradientA(g), a.shape) : undefined,
    r.isTracked(b) ? sumTo(r, gradientB(g), b.shape) : undefined
  ])

type Operand = Tensor | number

export const add = (r: Region, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  return pair(
    r,
    binary(r, "add", a, b),
    a,
    b,
    (g) => g,
    (g) => g
  )
}

export const subtract = (r: Region, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  return pair(
    r,
    binary(r, "subtract", a, b),
    a,
    b,
    (g) => g,
    (g) => unary(r, "negate", g)
  )
}

export const multiply = (r: Region, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  return pair(
    r,
    binary(r, "multiply", a, b),
    a,
    b,
    (g) => binary(r, "multiply", g, b),
    (g) => binary(r, "multiply", g, a)
  )
}

export const divide = (r: Region, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  const quotient = binary(r, "divide", a, b)
  return pair(
    r,
    quotient,
    a,
    b,
    (g) => binary(r, "divide", g, b),
    (g) => unary(r, "negate", binary(r, "divide", binary(r, "multiply", g, quotient), b))
  )
}

/** x^y; the gradient for y needs x > 0. */
export const power = (r: Region, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  const result = binary(r, "power", a, b)
  return pair(
    r,
    result,
    a,
    b,
    (g) => binary(r, "multiply", g, binary(r, "multiply", b, binary(r, "power", a, subtract(r, b, 1)))),
    (g) => binary(r, "multiply", g, binary(r, "multiply", result, unary(r, "log", a)))
  )
}

/** Of two equal arguments the first takes the gradient. */
const extremum = (r: Region, operation: "maximum" | "minimum", x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  const takesFirst = () => (operation === "maximum" ? lessEqual(r, b, a) : lessEqual(r, a, b))
  return pair(
    r,
    binary(r, operation, a, b),
    a,
    b,
    (g) => where(r, takesFirst(), g, full(r, [], 0, g.dtype)),
    (g) => where(r, takesFirst(), full(r, [], 0, g.dtype), g)
  )
}

export const maximum = (r: Region, x: Operand, y: Operand): Tensor => extremum(r, "maximum", x, y)
export const minimum = (r: Region, x: Operand, y: Operand): Tensor => extremum(r, "minimum", x, y)

const compare = (r: Region, operation: CompareOperation, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  r.check(operation, a, b)
  const shape = broadcast(operation, a, b)
  return r.make(shape, "int32", r.kernels.compare(operation, a, b, shape))
}

export const equal = (r: Region, x: Operand, y: Operand): Tensor => compare(r, "equal", x, y)
export const less = (r: Region, x: Operand, y: Operand): Tensor => compare(r, "less", x, y)
export const lessEqual = (r: Region, x: Operand, y: Operand): Tensor => compare(r, "lessEqual", x, y)

/** a where the int32 condition is not 0, else b. */
export const where = (r: Region, condition: Tensor, x: Operand, y: Operand): Tensor => {
  const [a, b] = [operand(r, x, y), operand(r, y, x)]
  r.check("where", condition, a, b)
  if (condition.dtype !== "int32")
    throw new DTypeError({ operation: "where", expected: ["int32"], actual: condition.dtype })
  const values = broadcast("where", a, b)
  const shape = broadcastShapes(values, condition.shape)
  if (shape === undefined)
    throw new ShapeError({
      operation: "where",
      reason: "shapes do not broadcast",
      shapes: [condition.shape, a.shape, b.shape]
    })
  const zero = (g: Tensor) => full(r, [], 0, g.dtype)
  return pair(
    r,
    r.make(shape, a.dtype, r.kernels.where(condition, a, b, shape)),
    a,
    b,
    (g) => where(r, condition, g, zero(g)),
    (g) => where(r, condition, zero(g), g)
  )
}

const differentiable = (
  r: Region,
  operation: UnaryOperation,
  x: Tensor,
  derivative: (g: Tensor, y: Tensor) => Tensor
): Tensor => {
  const y = unary(r, operation, x)
  return r.record(y, [x], (g) => [derivative(g, y)])
}

export const negate = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "negate", x, (g) => unary(r, "negate", g))
export const exp = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "exp", x, (g, y) => binary(r, "multiply", g, y))
export const log = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "log", x, (g) => binary(r, "divide", g, x))
export const sqrt = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "sqrt", x, (g, y) => divide(r, g, multiply(r, y, 2)))
export const abs = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "abs", x, (g) => binary(r, "multiply", g, unary(r, "sign", x)))
export const square = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "square", x, (g) => multiply(r, binary(r, "multiply", g, x), 2))
export const reciprocal = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "reciprocal", x, (g, y) =>
    unary(r, "negate", binary(r, "multiply", g, unary(r, "square", y)))
  )
export const tanh = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "tanh", x, (g, y) => binary(r, "multiply", g, subtract(r, 1, unary(r, "square", y))))
export const sigmoid = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "sigmoid", x, (g, y) =>
    binary(r, "multiply", g, binary(r, "multiply", y, subtract(r, 1, y)))
  )
export const relu = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "relu", x, (g) => where(r, less(r, 0, x), g, 0))
/** GPT-2's: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel, 2016). */
export const gelu = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "gelu", x, (g) => binary(r, "geluGradient", x, g))
export const sin = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "sin", x, (g) => binary(r, "multiply", g, unary(r, "cos", x)))
export const cos = (r: Region, x: Tensor): Tensor =>
  differentiable(r, "cos", x, (g) => unary(r, "negate", binary(r, "multiply", g, unary(r, "sin", x))))
/** Gradient zero. */
export const sign = (r: Region, x: Tensor): Tensor => unary(r, "sign", x)
/** Gradient zero. */
export const floor = (r: Region, x: Tensor): Tensor => unary(r, "floor", x)

/** Keeps an element with probability 1 - rate and scales it by 1 / (1 - rate); the seed alone decides which. */
export const dropout = (r: Region, x: Tensor, rate: number, seed: readonly [number, number]): Tensor => {
  r.check("dropout", x)
  requireFloat("dropout", x)
  if (!(rate >= 0 && rate < 1))
    throw new ShapeError({
      operation: "dropout",
      reason: `rate ${rate} is outside [0, 1)`,
      shapes: [x.shape]
    })
  if (rate === 0) return unchanged(r, x)
  const y = r.make(x.shape, x.dtype, r.kernels.dropout(x, rate, seed))
  return r.record(y, [x], (g) => [r.make(g.shape, g.dtype, r.kernels.dropout(g, rate, seed))])
}

/** x repeated along new or unit dimensions. */
export const broadcastTo = (r: Region, x: Tensor, shape: Shape): Tensor => {
  r.check("broadcastTo", x)
  const common = broadcastShapes(x.shape, shape)
  if (common === undefined || !sameShape(common, shape))
    throw new ShapeError({ operation: "broadcastTo", reason: "does not broadcast", shapes: [x.shape, shape] })
  if (sameShape(x.shape, shape)) return unchanged(r, x)
  return r.record(alongShape(r, x, shape), [x], (g) => [sumTo(r, g, x.shape)])
}
