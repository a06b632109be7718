import { type Operations, ShapeError, type Tensor } from "../Tensor/index.ts"
import type { Tensors } from "./Optimizer.ts"

/** A scalar to minimise, and the parts it is made of, each a scalar and without its weight. */
export interface Loss {
  readonly value: Tensor
  readonly parts: Tensors
}

/** What each part of the loss counts; a part of weight 0 is not computed. */
export interface LossWeights {
  /** Of the cross-entropy with the text; default 1. */
  readonly crossEntropy?: number
  /** Of T^2 KL(teacher || student); default 0. */
  readonly divergence?: number
  /** T, by which both logits are divided in the divergence; default 1. */
  readonly temperature?: number
  /** Of the relative distance of the hidden states; default 0. */
  readonly hidden?: number
}

/** What a language model says of a batch. */
export interface Prediction {
  /** [batch, tokens, vocabulary] */
  readonly logits: Tensor
  /** One tensor a layer, each [batch, tokens, width]; empty where they were not asked for. */
  readonly hiddenStates: ReadonlyArray<Tensor>
}

/**
 * -log softmax(logits)[target], a mean over `count` targets: all that are not negative.
 * logits: [batch, tokens, vocabulary], targets: int32 [batch, tokens]
 */
export const crossEntropyLoss = (t: Operations, logits: Tensor, targets: Tensor, count: number): Tensor =>
  t.multiply(t.sum(t.crossEntropy(logits, targets)), 1 / Math.max(1, count))

/**
 * T^2 KL(softmax(teacher / T) || softmax(student / T)), a mean over tokens (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural
 * network", 2015); the T^2 keeps the gradient's size when T changes. No gradient goes to the teacher.
 */
export const divergenceLoss = (
  t: Operations,
  student: Tensor,
  teacher: Tensor,
  temperature: number
): Tensor => t.multiply(t.mean(t.divergence(student, teacher, temperature)), temperature ** 2)

/**
 * mean over layers of ||H' - H||_F^2 / ||H||_F^2 with the student's H' and the teacher's H, the latter constant. Fails with `ShapeError` where the
 * layers do not match in number.
 */
export const hiddenStateLoss = (
  t: Operations,
  student: ReadonlyArray<Tensor>,
  teacher: ReadonlyArray<Tensor>
): Tensor => {
  if (student.length !== teacher.length || student.length === 0)
    throw new ShapeError({
      operation: "hiddenStateLoss",
      reason: `needs the same layers of both; the student has ${student.length}, the teacher ${teacher.length}`,
      shapes: [...student, ...teacher].map((x) => x.shape)
    })
  const distances = student.map((x, layer) =>
    t.reshape(t.divide(t.sumOfSquares(t.subtract(x, teacher[layer])), t.sumOfSquares(teacher[layer])), [1])
  )
  return t.mean(t.concatenate(distances, 0))
}

/**
 * weights.crossEntropy CE + weights.divergence T^2 KL(teacher || student) + weights.hidden mean_l ||H'_l - H_l||^2 / ||H_l||^2, with the parts
 * that have a weight. Fails with `ShapeError` where a part needs a teacher and there is none.
 */
export const distillationLoss = (
  t: Operations,
  student: Prediction,
  teacher: Prediction | undefined,
  target: { readonly targets: Tensor; readonly count: number },
  weights: LossWeights
): Loss => {
  const { crossEntropy = 1, divergence = 0, temperature = 1, hidden = 0 } = weights
  const parts: Record<string, Tensor> = {}
  const terms: Array<Tensor> = []
  const include = (name: string, weight: number, part: () => Tensor) => {
    if (weight === 0) return
    parts[name] = part()
    terms.push(t.multiply(parts[name], weight))
  }
  include("crossEntropy", crossEntropy, () =>
    crossEntropyLoss(t, student.logits, target.targets, target.count)
  )
  if (teacher !== undefined) {
    include("divergence", divergence, () => divergenceLoss(t, student.logits, teacher.logits, temperature))
    include("hidden", hidden, () => hiddenStateLoss(t, student.hiddenStates, teacher.hiddenStates))
  } else if (divergence !== 0 || hidden !== 0) {
    throw new ShapeError({
      operation: "distillationLoss",
      reason: "divergence and hidden states need a teacher; give one, or set their weights to 0",
      shapes: []
    })
  }
  if (terms.length === 0)
    throw new ShapeError({
      operation: "distillationLoss",
      reason: "every part has weight 0; nothing can be learnt",
      shapes: []
    })
  return { value: terms.reduce((total, term) => t.add(total, term)), parts }
}
