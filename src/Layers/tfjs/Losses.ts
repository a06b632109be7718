import type { Kernels } from "../../Tensor/Backend.ts"
import { sizeOf, type Tensor } from "../../Tensor/Tensor.ts"
import type { Device, Pass } from "./Device.ts"
import type { TensorInfo } from "./Engine.ts"
import { checkedIndices } from "./Indices.ts"

const rowsOf = (x: Tensor): readonly [rows: number, classes: number] => [
  sizeOf(x.shape.slice(0, -1)),
  x.shape[x.shape.length - 1]
]

/** log(sum(exp(x))) of each row [rows, classes] -> [rows, 1]; -Infinity of a row of nothing else. */
const logSumExp = (p: Pass, x: TensorInfo): TensorInfo => {
  // A greatest of -Infinity would leave no number.
  const greatest = p.binary("Maximum", p.maximumOfRows(x), p.fill(-3e38))
  const sum = p.sum(p.unary("Exp", p.subtract(x, greatest)), [1])
  return p.add(p.unary("Log", sum), greatest)
}

/** Targets [rows] as [rows, 1], the negative ones 0, and which of them are counted, 0 or 1. */
const targetsOf = (p: Pass, targets: Tensor, classes: number) => {
  const rows = sizeOf(targets.shape)
  const least = -(2 ** 31)
  const checked = p.reshape(checkedIndices(p, "crossEntropy", targets, classes, least), [rows])
  const zero = p.fill(0, [], "int32")
  const counted = p.cast(p.binary("GreaterEqual", checked, zero), "float32")
  return { target: p.binary("Maximum", checked, zero), counted }
}

const oneHot = (p: Pass, indices: TensorInfo, depth: number): TensorInfo =>
  p.cast(p.run("OneHot", { indices }, { depth, onValue: 1, offValue: 0, dtype: "float32" }), "float32")

type Losses = "crossEntropy" | "crossEntropyGradient" | "divergence" | "divergenceGradient"

export const lossKernels = (d: Device): Pick<Kernels, Losses> => ({
  crossEntropy: (logits, targets) => {
    const [rows, classes] = rowsOf(logits)
    const empty = () => d.result("crossEntropy", [0], "float32", (p) => p.fill(0))
    if (rows === 0) return [empty(), empty()]
    d.requireRoom([rows, 2])
    const [losses, sums] = d.passes("crossEntropy", (p) => {
      const x = p.view(logits, [rows, classes])
      const { target, counted } = targetsOf(p, targets, classes)
      const sums = p.reshape(logSumExp(p, x), [rows])
      const starts = p.upload(
        Int32Array.from({ length: rows }, (_, row) => row * classes),
        [rows]
      )
      const picked = p.run(
        "GatherV2",
        { x: p.reshape(x, [rows * classes]), indices: p.add(starts, target) },
        { axis: 0, batchDims: 0 }
      )
      return [p.multiply(counted, p.subtract(sums, picked)), sums]
    })
    return [d.own(losses), d.own(sums)]
  },

  crossEntropyGradient: (logits, targets, sums, gradient) => {
    const [rows, classes] = rowsOf(logits)
    return d.result("crossEntropyGradient", logits.shape, "float32", (p) => {
      const { target, counted } = targetsOf(p, targets, classes)
      const shifted = p.subtract(p.view(logits, [rows, classes]), p.view(sums, [rows, 1]))
      const excess = p.subtract(p.unary("Exp", shifted), oneHot(p, target, classes))
      const weights = p.multiply(counted, p.view(gradient, [rows]))
      return p.multiply(excess, p.reshape(weights, [rows, 1]))
    })
  },

  divergence: (student, teacher, temperature) => {
    const [rows, classes] = rowsOf(student)
    const empty = () => d.result("divergence", [0], "float32", (p) => p.fill(0))
    if (rows === 0) return [empty(), empty(), empty()]
    d.requireRoom([rows, 3])
    const [losses, ofStudent, ofTeacher] = d.passes("divergence", (p) => {
      const [s, t] = [student, teacher].map((x) => p.scale(p.view(x, [rows, classes]), 1 / temperature))
      const [studentSums, teacherSums] = [logSumExp(p, s), logSumExp(p, t)]
      const logP = p.subtract(t, teacherSums)
      const probability = p.unary("Exp", logP)
      const product = p.multiply(probability, p.subtract(logP, p.subtract(s, studentSums)))
      // A class that the teacher excludes (p = 0, logP = -Infinity) adds its limit, 0.
      const nothing = p.fill(0, [rows, classes])
      const terms = p.select(p.binary("NotEqual", probability, nothing), product, nothing)
      return [p.sum(terms, [1]), studentSums, teacherSums]
    })
    return [d.own(losses), d.own(ofStudent), d.own(ofTeacher)]
  },

  divergenceGradient: (student, teacher, studentSums, teacherSums, gradient, temperature) => {
    const [rows, classes] = rowsOf(student)
    return d.result("divergenceGradient", student.shape, "float32", (p) => {
      const probabilities = (x: Tensor, sums: Tensor) =>
        p.unary(
          "Exp",
          p.subtract(p.scale(p.view(x, [rows, classes]), 1 / temperature), p.view(sums, [rows, 1]))
        )
      const excess = p.subtract(probabilities(student, studentSums), probabilities(teacher, teacherSums))
      return p.multiply(excess, p.scale(p.view(gradient, [rows, 1]), 1 / temperature))
    })
  }
})
