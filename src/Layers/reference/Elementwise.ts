import type { BinaryOperation, CompareOperation, UnaryOperation } from "../../Tensor/Backend.ts"
import {
  arrayFor,
  broadcastStrides,
  type DType,
  sameShape,
  type Shape,
  sizeOf,
  type TypedArray
} from "../../Tensor/Tensor.ts"
import { dropoutKeeps } from "../wasm/DropoutHash.ts"
import { elementsAt, type HostArray, offsetsOf, zerosLike } from "./HostArray.ts"

// gelu(x) = x (1 + tanh(u)) / 2 with u = geluScale (x + geluCubic x^3): the form that GPT-2 uses. (1 + tanh(u)) / 2 is
// sigmoid(2 u), which loses no digits where u is far below 0.
const geluScale = Math.sqrt(2 / Math.PI)
const geluCubic = 0.044715

const geluGate = (x: number): number => 1 / (1 + Math.exp(-2 * geluScale * (x + geluCubic * x * x * x)))

const geluDerivative = (x: number): number => {
  const gate = geluGate(x)
  return gate + 2 * x * gate * (1 - gate) * geluScale * (1 + 3 * geluCubic * x * x)
}

const unaryFunctions: { readonly [Operation in UnaryOperation]: (x: number) => number } = {
  negate: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  square: (x) => x * x,
  reciprocal: (x) => 1 / x,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  gelu: (x) => x * geluGate(x),
  sin: Math.sin,
  cos: Math.cos,
  sign: Math.sign,
  floor: Math.floor
}

const binaryFunctions: { readonly [Operation in BinaryOperation]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  power: (a, b) => a ** b,
  maximum: Math.max,
  minimum: Math.min,
  geluGradient: (x, gradient) => geluDerivative(x) * gradient
}

const compareFunctions: { readonly [Operation in CompareOperation]: (a: number, b: number) => boolean } = {
  equal: (a, b) => a === b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b
}

export const fill = (value: number, shape: Shape, dtype: DType): TypedArray =>
  arrayFor(dtype, sizeOf(shape)).fill(value)

/** Floats become int32 by truncation towards zero. */
export const cast = (x: HostArray, dtype: DType): TypedArray => {
  const result = arrayFor(dtype, x.values.length)
  result.set(x.values)
  return result
}

export const unary = (operation: UnaryOperation, x: HostArray): TypedArray => {
  const f = unaryFunctions[operation]
  const result = zerosLike(x.values)
  for (let i = 0; i < result.length; i++) result[i] = f(x.values[i])
  return result
}

/** The elements of x broadcast to `shape`. */
const expanded = (x: HostArray, shape: Shape): TypedArray =>
  sameShape(x.shape, shape)
    ? x.values
    : elementsAt(x.values, offsetsOf(shape, broadcastStrides(x.shape, shape)))

export const binary = (operation: BinaryOperation, a: HostArray, b: HostArray, shape: Shape): TypedArray => {
  const f = binaryFunctions[operation]
  const [left, right] = [expanded(a, shape), expanded(b, shape)]
  const result = zerosLike(left)
  for (let i = 0; i < result.length; i++) result[i] = f(left[i], right[i])
  return result
}

export const compare = (
  operation: CompareOperation,
  a: HostArray,
  b: HostArray,
  shape: Shape
): TypedArray => {
  const f = compareFunctions[operation]
  const [left, right] = [expanded(a, shape), expanded(b, shape)]
  return new Int32Array(sizeOf(shape)).map((_, i) => (f(left[i], right[i]) ? 1 : 0))
}

export const where = (condition: HostArray, a: HostArray, b: HostArray, shape: Shape): TypedArray => {
  const [chosen, left, right] = [expanded(condition, shape), expanded(a, shape), expanded(b, shape)]
  const result = zerosLike(left)
  for (let i = 0; i < result.length; i++) result[i] = chosen[i] !== 0 ? left[i] : right[i]
  return result
}

export const dropout = (x: HostArray, rate: number, seed: readonly [number, number]): TypedArray => {
  const scale = 1 / (1 - rate)
  const result = zerosLike(x.values)
  for (let i = 0; i < result.length; i++)
    result[i] = dropoutKeeps(i, rate, seed[0], seed[1]) ? x.values[i] * scale : 0
  return result
}
