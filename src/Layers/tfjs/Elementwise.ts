import type { BinaryOperation, CompareOperation, Kernels, UnaryOperation } from "../../Tensor/Backend.ts"
import { sizeOf, type Tensor } from "../../Tensor/Tensor.ts"
import { dropoutKeeps } from "../wasm/DropoutHash.ts"
import type { Bounds, Device, Pass } from "./Device.ts"
import { boundsOf } from "./Indices.ts"
import type { TensorInfo } from "./Engine.ts"

const unaryKernels: { readonly [Operation in Exclude<UnaryOperation, "gelu">]: string } = {
  negate: "Neg",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  abs: "Abs",
  square: "Square",
  reciprocal: "Reciprocal",
  tanh: "Tanh",
  sigmoid: "Sigmoid",
  relu: "Relu",
  sin: "Sin",
  cos: "Cos",
  sign: "Sign",
  floor: "Floor"
}

const binaryKernels: { readonly [Operation in Exclude<BinaryOperation, "geluGradient">]: string } = {
  add: "Add",
  subtract: "Sub",
  multiply: "Multiply",
  divide: "RealDiv",
  power: "Pow",
  maximum: "Maximum",
  minimum: "Minimum"
}

const compareKernels: { readonly [Operation in CompareOperation]: string } = {
  equal: "Equal",
  less: "Less",
  lessEqual: "LessEqual"
}

// gelu(x) = x gate(x), gate(x) = sigmoid(2 c (x + 0.044715 x^3)), c = sqrt(2 / pi): GPT-2's form.
const slope = 2 * Math.sqrt(2 / Math.PI)
const cubic = 0.044715

const geluGate = (p: Pass, x: TensorInfo, square: TensorInfo): TensorInfo => {
  const polynomial = p.add(p.scale(square, slope * cubic), p.fill(slope))
  return p.unary("Sigmoid", p.multiply(x, polynomial))
}

const gelu = (p: Pass, x: TensorInfo): TensorInfo =>
  p.has("Gelu") ? p.unary("Gelu", x) : p.multiply(x, geluGate(p, x, p.unary("Square", x)))

/** (gate + x gate (1 - gate) u') g with u' = 2 c (1 + 3 * 0.044715 x^2) */
const geluGradient = (p: Pass, x: TensorInfo, gradient: TensorInfo): TensorInfo => {
  if (p.has("GeluGradient")) return p.run("GeluGradient", { x, gradient })
  const square = p.unary("Square", x)
  const gate = geluGate(p, x, square)
  const rise = p.add(p.scale(square, 3 * slope * cubic), p.fill(slope))
  const change = p.multiply(p.subtract(gate, p.unary("Square", gate)), p.multiply(x, rise))
  return p.multiply(p.add(gate, change), gradient)
}

const union = (a: Bounds | undefined, b: Bounds | undefined): Bounds | undefined =>
  a && b && { least: Math.min(a.least, b.least), greatest: Math.max(a.greatest, b.greatest), exact: false }

/** tfjs's element type of a tensor of ours: float64 never reaches these kernels. */
export const infoDType = (x: Tensor): "float32" | "int32" => (x.dtype === "int32" ? "int32" : "float32")

type Elementwise = "fill" | "cast" | "unary" | "binary" | "compare" | "where" | "dropout"

export const elementwiseKernels = (d: Device): Pick<Kernels, Elementwise> => ({
  fill: (value, shape, dtype) => {
    const type = dtype === "int32" ? "int32" : "float32"
    const bounds = type === "int32" ? { least: value, greatest: value, exact: true } : undefined
    return d.result("fill", shape, type, (p) => p.fill(value, shape, type), bounds)
  },

  cast: (x, dtype) => {
    const type = dtype === "int32" ? "int32" : "float32"
    return d.result("cast", x.shape, type, (p) => p.run("Cast", { x: p.view(x) }, { dtype: type }))
  },

  unary: (operation, x) =>
    d.result(operation, x.shape, infoDType(x), (p) =>
      operation === "gelu" ? gelu(p, p.view(x)) : p.unary(unaryKernels[operation], p.view(x))
    ),

  binary: (operation, a, b, shape) =>
    d.result(operation, shape, infoDType(a), (p) =>
      operation === "geluGradient"
        ? geluGradient(p, p.broadcast(p.view(a), shape), p.broadcast(p.view(b), shape))
        : p.binary(binaryKernels[operation], p.view(a), p.view(b))
    ),

  compare: (operation, a, b, shape) =>
    d.result(
      operation,
      shape,
      "int32",
      (p) => p.cast(p.binary(compareKernels[operation], p.view(a), p.view(b)), "int32"),
      { least: 0, greatest: 1, exact: false }
    ),

  where: (condition, a, b, shape) =>
    d.result(
      "where",
      shape,
      infoDType(a),
      (p) => {
        const chosen = p.binary("NotEqual", p.view(condition), p.fill(0, [], "int32"))
        return p.select(
          p.broadcast(chosen, shape),
          p.broadcast(p.view(a), shape),
          p.broadcast(p.view(b), shape)
        )
      },
      union(boundsOf(d, a), boundsOf(d, b))
    ),

  // The hash needs 32-bit multiplications and shifts that tfjs has no kernels for: the mask is worked out here and uploaded.
  dropout: (x, rate, [low, high]) =>
    d.result("dropout", x.shape, "float32", (p) => {
      const mask = new Float32Array(sizeOf(x.shape))
      const kept = 1 / (1 - rate)
      for (let i = 0; i < mask.length; i++) mask[i] = dropoutKeeps(i, rate, low, high) ? kept : 0
      return p.multiply(p.view(x), p.upload(mask, x.shape))
    })
})
