// KL(softmax(teacher / T) || softmax(student / T)) of rows, and its gradient for the student's logits.
// student, teacher, out: [rows, columns]; losses, studentLogSumExp, teacherLogSumExp, g: [rows].

import { rowLogSumExp } from "./crossEntropy"
import { expNonPositive } from "./math"
import { loadTail, multiplyAdd, splat, storeTail, sumLanes, tailMask, wholeVectors, zeros } from "./lanes"

const BLOCK: usize = 4096

// log softmax(x / T) = x / T - normaliser
@inline
function logProbability<T>(x: v128, inverse: v128, normaliser: v128): v128 {
  return multiplyAdd<T>(x, inverse, v128.neg<T>(normaliser))
}

// p (log p - log q); 0 where p is
@inline
function divergenceTerm<T>(p: v128, difference: v128): v128 {
  return v128.and(v128.mul<T>(p, difference), v128.ne<T>(p, splat<T>(0)))
}

@inline
function divergence<T>(
  student: usize,
  teacher: usize,
  losses: usize,
  studentLogSumExp: usize,
  teacherLogSumExp: usize,
  rows: i32,
  columns: i32,
  temperature: f64
): void {
  const bytes = <usize>columns * sizeof<T>()
  const whole = wholeVectors(bytes)
  const scale = <T>(1 / temperature)
  const inverse = v128.splat<T>(scale)
  for (let r = 0; r < rows; r++, student += bytes, teacher += bytes) {
    const row = <usize>r * sizeof<T>()
    const studentNormaliser = rowLogSumExp<T>(student, bytes, scale)
    const teacherNormaliser = rowLogSumExp<T>(teacher, bytes, scale)
    store<T>(studentLogSumExp + row, studentNormaliser)
    store<T>(teacherLogSumExp + row, teacherNormaliser)
    const s = v128.splat<T>(studentNormaliser)
    const t = v128.splat<T>(teacherNormaliser)
    let total: f64 = 0
    let o: usize = 0
    while (o < whole) {
      const end = min(whole, o + BLOCK)
      let sum = zeros()
      for (; o < end; o += 16) {
        const logP = logProbability<T>(v128.load(teacher + o), inverse, t)
        const logQ = logProbability<T>(v128.load(student + o), inverse, s)
        sum = v128.add<T>(sum, divergenceTerm<T>(expNonPositive<T>(logP), v128.sub<T>(logP, logQ)))
      }
      total += sumLanes<T>(sum)
    }
    if (o < bytes) {
      const logP = logProbability<T>(loadTail(teacher + o, bytes - o), inverse, t)
      const logQ = logProbability<T>(loadTail(student + o, bytes - o), inverse, s)
      const term = divergenceTerm<T>(expNonPositive<T>(logP), v128.sub<T>(logP, logQ))
      total += sumLanes<T>(v128.and(term, tailMask(bytes - o)))
    }
    store<T>(losses + row, <T>total)
  }
}

// out = g (softmax(student / T) - softmax(teacher / T)) / T
@inline
function divergenceGradient<T>(
  student: usize,
  teacher: usize,
  studentLogSumExp: usize,
  teacherLogSumExp: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32,
  temperature: f64
): void {
  const bytes = <usize>columns * sizeof<T>()
  const whole = wholeVectors(bytes)
  const inverse = splat<T>(1 / temperature)
  for (let r = 0; r < rows; r++, student += bytes, teacher += bytes, out += bytes) {
    const row = <usize>r * sizeof<T>()
    const s = v128.load_splat<T>(studentLogSumExp + row)
    const t = v128.load_splat<T>(teacherLogSumExp + row)
    const factor = v128.mul<T>(v128.load_splat<T>(g + row), inverse)
    let o: usize = 0
    for (; o < whole; o += 16) {
      const q = expNonPositive<T>(logProbability<T>(v128.load(student + o), inverse, s))
      const p = expNonPositive<T>(logProbability<T>(v128.load(teacher + o), inverse, t))
      v128.store(out + o, v128.mul<T>(v128.sub<T>(q, p), factor))
    }
    if (o < bytes) {
      const q = expNonPositive<T>(logProbability<T>(loadTail(student + o, bytes - o), inverse, s))
      const p = expNonPositive<T>(logProbability<T>(loadTail(teacher + o, bytes - o), inverse, t))
      storeTail(out + o, v128.mul<T>(v128.sub<T>(q, p), factor), bytes - o)
    }
  }
}

export function divergence_f32(
  student: usize,
  teacher: usize,
  losses: usize,
  studentLogSumExp: usize,
  teacherLogSumExp: usize,
  rows: i32,
  columns: i32,
  temperature: f64
): void {
  divergence<f32>(student, teacher, losses, studentLogSumExp, teacherLogSumExp, rows, columns, temperature)
}

export function divergenceGradient_f32(
  student: usize,
  teacher: usize,
  studentLogSumExp: usize,
  teacherLogSumExp: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32,
  temperature: f64
): void {
  divergenceGradient<f32>(
    student,
    teacher,
    studentLogSumExp,
    teacherLogSumExp,
    g,
    out,
    rows,
    columns,
    temperature
  )
}

export function divergence_f64(
  student: usize,
  teacher: usize,
  losses: usize,
  studentLogSumExp: usize,
  teacherLogSumExp: usize,
  rows: i32,
  columns: i32,
  temperature: f64
): void {
  divergence<f64>(student, teacher, losses, studentLogSumExp, teacherLogSumExp, rows, columns, temperature)
}

export function divergenceGradient_f64(
  student: usize,
  teacher: usize,
  studentLogSumExp: usize,
  teacherLogSumExp: usize,
  g: usize,
  out: usize,
  rows: i32,
  columns: i32,
  temperature: f64
): void {
  divergenceGradient<f64>(
    student,
    teacher,
    studentLogSumExp,
    teacherLogSumExp,
    g,
    out,
    rows,
    columns,
    temperature
  )
}
