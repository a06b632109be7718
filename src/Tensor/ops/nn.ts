import { ShapeError } from "../Errors.ts"
import type { Region } from "../Region.ts"
import { sameShape, type Tensor } from "../Tensor.ts"
import { requireFloat, requireIndices, requireSameDType } from "./arguments.ts"
import { exp, log, subtract } from "./elementwise.ts"
import { max, sum } from "./reduce.ts"

const lastOf = (x: Tensor): number => x.shape[x.shape.length - 1]

/** exp(x) / sum(exp(x)) along the last axis. */
export const softmax = (r: Region, x: Tensor): Tensor => {
  r.check("softmax", x)
  requireFloat("softmax", x)
  if (x.shape.length === 0)
    throw new ShapeError({ operation: "softmax", reason: "needs an axis", shapes: [x.shape] })
  const y = r.make(x.shape, x.dtype, r.kernels.softmax(x))
  return r.record(y, [x], (g) => [r.make(x.shape, x.dtype, r.kernels.softmaxGradient(y, g))])
}

/** log(softmax(x)) along the last axis. */
export const logSoftmax = (r: Region, x: Tensor): Tensor => {
  const along = { axes: [-1], keepDimensions: true }
  const shifted = subtract(r, x, max(r, x, along))
  return subtract(r, shifted, log(r, sum(r, exp(r, shifted), along)))
}

/** (x - mean) / sqrt(variance + epsilon) * gain + bias along the last axis; gain and bias [last]. */
export const layerNorm = (r: Region, x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor => {
  r.check("layerNorm", x, gain, bias)
  requireFloat("layerNorm", x)
  requireSameDType("layerNorm", x, gain, bias)
  if (x.shape.length === 0 || !sameShape(gain.shape, [lastOf(x)]) || !sameShape(bias.shape, [lastOf(x)]))
    throw new ShapeError({
      operation: "layerNorm",
      reason: "gain and bias have the size of the last axis",
      shapes: [x.shape, gain.shape, bias.shape]
    })
  const [out, mean, inverseDeviation] = r.kernels.layerNorm(x, gain, bias, epsilon)
  const statistics = x.shape.slice(0, -1)
  const y = r.make(x.shape, x.dtype, out)
  const savedMean = r.make(statistics, x.dtype, mean)
  const savedDeviation = r.make(statistics, x.dtype, inverseDeviation)
  return r.record(
    y,
    [x, gain, bias],
    (g) => {
      const [dx, dGain, dBias] = r.kernels.layerNormGradient(x, gain, savedMean, savedDeviation, g)
      return [
        r.make(x.shape, x.dtype, dx),
        r.make(gain.shape, x.dtype, dGain),
        r.make(bias.shape, x.dtype, dBias)
      ]
    },
    [savedMean, savedDeviation]
  )
}

/**
 * -log softmax(logits)[target] for logits [..., classes] and int32 targets [...]; a negative target is not counted and has
 * loss 0. A target of `classes` or more is a `ShapeError`.
 */
export const crossEntropy = (r: Region, logits: Tensor, targets: Tensor): Tensor => {
  r.check("crossEntropy", logits, targets)
  requireFloat("crossEntropy", logits)
  requireIndices("crossEntropy", targets)
  if (logits.shape.length === 0 || !sameShape(logits.shape.slice(0, -1), targets.shape))
    throw new ShapeError({
      operation: "crossEntropy",
      reason: "one target a row",
      shapes: [logits.shape, targets.shape]
    })
  const [losses, logSumExp] = r.kernels.crossEntropy(logits, targets)
  const y = r.make(targets.shape, logits.dtype, losses)
  const saved = r.make(targets.shape, logits.dtype, logSumExp)
  return r.record(
    y,
    [logits],
    (g) => [r.make(logits.shape, logits.dtype, r.kernels.crossEntropyGradient(logits, targets, saved, g))],
    [saved]
  )
}

/**
 * KL(softmax(teacher / T) || softmax(student / T)) for logits [..., classes] -> [...]. Differentiable in the student alone
 * (Hinton, Vinyals and Dean, 2015).
 */
export const divergence = (r: Region, student: Tensor, teacher: Tensor, temperature = 1): Tensor => {
  r.check("divergence", student, teacher)
  requireFloat("divergence", student)
  requireSameDType("divergence", student, teacher)
  if (student.shape.length === 0 || !sameShape(student.shape, teacher.shape) || !(temperature > 0))
    throw new ShapeError({
      operation: "divergence",
      reason: `needs logits of one shape and a positive temperature (${temperature})`,
      shapes: [student.shape, teacher.shape]
    })
  const rows = student.shape.slice(0, -1)
  const [losses, studentSum, teacherSum] = r.kernels.divergence(student, teacher, temperature)
  const y = r.make(rows, student.dtype, losses)
  const ofStudent = r.make(rows, student.dtype, studentSum)
  const ofTeacher = r.make(rows, student.dtype, teacherSum)
  return r.record(
    y,
    [student],
    (g) => [
      r.make(
        student.shape,
        student.dtype,
        r.kernels.divergenceGradient(student, teacher, ofStudent, ofTeacher, g, temperature)
      )
    ],
    [ofStudent, ofTeacher]
  )
}

/** Causal multi-head self-attention of qkv [batch, tokens, 3 width], width a multiple of heads -> [batch, tokens, width]. */
export const attention = (r: Region, qkv: Tensor, heads: number): Tensor => {
  r.check("attention", qkv)
  requireFloat("attention", qkv)
  const [batch, tokens, triple] = qkv.shape
  if (qkv.shape.length !== 3 || !Number.isInteger(heads) || heads < 1 || triple % (3 * heads) !== 0)
    throw new ShapeError({
      operation: "attention",
      reason: `needs [batch, tokens, 3 width] with width a multiple of ${heads} heads`,
      shapes: [qkv.shape]
    })
  const [out, weights] = r.kernels.attention(qkv, heads, r.recording && r.isTracked(qkv))
  const y = r.make([batch, tokens, triple / 3], qkv.dtype, out)
  if (weights === undefined) return y
  const probabilities = r.make([batch, heads, tokens, tokens], qkv.dtype, weights)
  return r.record(
    y,
    [qkv],
    (g) => [r.make(qkv.shape, qkv.dtype, r.kernels.attentionGradient(qkv, probabilities, g, heads))],
    [probabilities]
  )
}
