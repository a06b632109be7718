import { ShapeError } from "../../Tensor/Errors.ts"
import { sizeOf, type TypedArray } from "../../Tensor/Tensor.ts"
import { type HostArray, zerosLike } from "./HostArray.ts"
import { logSumExp } from "./Rows.ts"

const rowsAndClasses = (logits: HostArray) => ({
  rows: sizeOf(logits.shape.slice(0, -1)),
  classes: logits.shape[logits.shape.length - 1]
})

/** logits: [rows, classes], targets: [rows] -> [losses, logSumExp], each [rows] */
export const crossEntropy = (logits: HostArray, targets: HostArray): readonly [TypedArray, TypedArray] => {
  const { rows, classes } = rowsAndClasses(logits)
  const wrong = targets.values.findIndex((target) => target >= classes)
  if (wrong >= 0)
    throw new ShapeError({
      operation: "crossEntropy",
      reason: `target ${targets.values[wrong]} at position ${wrong} is not below ${classes}`,
      shapes: [logits.shape, targets.shape]
    })
  const losses = zerosLike(logits.values, rows)
  const sums = zerosLike(logits.values, rows)
  for (let row = 0; row < rows; row++) {
    const total = logSumExp(logits.values, row * classes, classes)
    const target = targets.values[row]
    sums[row] = total
    losses[row] = target < 0 ? 0 : total - logits.values[row * classes + target]
  }
  return [losses, sums]
}

/** (softmax(logits) - one-hot(target)) g, zero where the target is negative. */
export const crossEntropyGradient = (
  logits: HostArray,
  targets: HostArray,
  sums: HostArray,
  gradient: HostArray
): TypedArray => {
  const { rows, classes } = rowsAndClasses(logits)
  const result = zerosLike(logits.values)
  for (let row = 0; row < rows; row++) {
    const target = targets.values[row]
    if (target < 0) continue
    for (let i = 0; i < classes; i++) {
      const probability = Math.exp(logits.values[row * classes + i] - sums.values[row])
      result[row * classes + i] = (probability - (i === target ? 1 : 0)) * gradient.values[row]
    }
  }
  return result
}

/**
 * student, teacher: [rows, classes] -> [losses, studentSums, teacherSums], each [rows]; a loss is
 * sum p (log p - log q) with p = softmax(teacher / T), q = softmax(student / T), the sums are logSumExp(logits / T).
 */
export const divergence = (
  student: HostArray,
  teacher: HostArray,
  temperature: number
): readonly [TypedArray, TypedArray, TypedArray] => {
  const { rows, classes } = rowsAndClasses(student)
  const scale = 1 / temperature
  const losses = zerosLike(student.values, rows)
  const studentSums = zerosLike(student.values, rows)
  const teacherSums = zerosLike(student.values, rows)
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    const ofStudent = logSumExp(student.values, start, classes, scale)
    const ofTeacher = logSumExp(teacher.values, start, classes, scale)
    let loss = 0
    for (let i = start; i < start + classes; i++) {
      const logP = teacher.values[i] * scale - ofTeacher
      const p = Math.exp(logP)
      // A class that the teacher excludes (p = 0, logP = -inf) adds its limit, 0.
      if (p !== 0) loss += p * (logP - (student.values[i] * scale - ofStudent))
    }
    losses[row] = loss
    studentSums[row] = ofStudent
    teacherSums[row] = ofTeacher
  }
  return [losses, studentSums, teacherSums]
}

/** (q - p) g / T for the student's logits. */
export const divergenceGradient = (
  student: HostArray,
  teacher: HostArray,
  studentSums: HostArray,
  teacherSums: HostArray,
  gradient: HostArray,
  temperature: number
): TypedArray => {
  const { rows, classes } = rowsAndClasses(student)
  const scale = 1 / temperature
  const result = zerosLike(student.values)
  for (let row = 0; row < rows; row++) {
    for (let i = row * classes; i < (row + 1) * classes; i++) {
      const q = Math.exp(student.values[i] * scale - studentSums.values[row])
      const p = Math.exp(teacher.values[i] * scale - teacherSums.values[row])
      result[i] = (q - p) * gradient.values[row] * scale
    }
  }
  return result
}
