import type { Shape } from "../../../src/Tensor/Tensor.ts"
import { type Case, exactly, float, floats, integers, tensor, text } from "./Case.ts"

const rowShapes: ReadonlyArray<Shape> = [
  [1, 1],
  [3, 5],
  [7, 8],
  [2, 3, 17],
  [67, 129],
  [131, 307],
  [0, 3]
]

const softmax = (shape: Shape): ReadonlyArray<Case> => [
  {
    kernel: "softmax",
    name: text(shape),
    inputs: [floats(shape, -8, 8)],
    run: (k, [x]) => [float(shape, k.softmax(x))]
  },
  {
    kernel: "softmax",
    name: `large numbers ${text(shape)}`,
    inputs: [floats(shape, 1000, 1010)],
    run: (k, [x]) => [float(shape, k.softmax(x))]
  },
  {
    kernel: "softmaxGradient",
    name: text(shape),
    inputs: [floats(shape, 0, 1), floats(shape)],
    run: (k, [y, gradient]) => [float(shape, k.softmaxGradient(y, gradient))]
  }
]

const layerNorm = (shape: Shape): Case => {
  const [rows, width] = [shape.slice(0, -1), shape[shape.length - 1]]
  return {
    kernel: "layerNorm and layerNormGradient",
    name: text(shape),
    // A mean far from zero beside the deviation: sum(x^2) - mean^2 would lose the variance.
    inputs: [floats(shape, 9, 11), floats([width], 0.5, 2), floats([width]), floats(shape)],
    run: (k, [x, gain, bias, gradient]) => {
      const [y, mean, inverseDeviation] = k.layerNorm(x, gain, bias, 1e-5)
      const [means, deviations] = [tensor(rows, x.dtype, mean), tensor(rows, x.dtype, inverseDeviation)]
      const [dx, dGain, dBias] = k.layerNormGradient(x, gain, means, deviations, gradient)
      return [
        float(shape, y),
        float(rows, mean),
        float(rows, inverseDeviation),
        float(shape, dx),
        float([width], dGain),
        float([width], dBias)
      ]
    }
  }
}

const crossEntropy = (shape: Shape): Case => {
  const [rows, classes] = [shape.slice(0, -1), shape[shape.length - 1]]
  return {
    kernel: "crossEntropy and crossEntropyGradient",
    name: text(shape),
    scale: 1,
    // About one target in `classes` + 1 is -1: not counted.
    inputs: [floats(shape, -8, 8), integers(rows, -1, classes), floats(rows, 0.5, 2)],
    run: (k, [logits, targets, gradient]) => {
      const [losses, logSumExp] = k.crossEntropy(logits, targets)
      const sums = tensor(rows, logits.dtype, logSumExp)
      const gradients = k.crossEntropyGradient(logits, targets, sums, gradient)
      return [float(rows, losses), float(rows, logSumExp), float(shape, gradients)]
    }
  }
}

const divergence = (shape: Shape, temperature: number): Case => {
  const rows = shape.slice(0, -1)
  return {
    kernel: "divergence and divergenceGradient",
    name: `${text(shape)} at temperature ${temperature}`,
    scale: 1,
    inputs: [floats(shape, -5, 5), floats(shape, -5, 5), floats(rows, 0.5, 2)],
    run: (k, [student, teacher, gradient]) => {
      const [losses, ofStudent, ofTeacher] = k.divergence(student, teacher, temperature)
      const sums = [ofStudent, ofTeacher].map((buffer) => tensor(rows, student.dtype, buffer))
      const gradients = k.divergenceGradient(student, teacher, sums[0], sums[1], gradient, temperature)
      return [float(rows, losses), float(rows, ofStudent), float(rows, ofTeacher), float(shape, gradients)]
    }
  }
}

const attention = ([batch, tokens, heads, size]: readonly [number, number, number, number]): Case => {
  const width = heads * size
  const scores = [batch, heads, tokens, tokens]
  return {
    kernel: "attention and attentionGradient",
    name: `batch ${batch}, tokens ${tokens}, heads ${heads} of size ${size}`,
    inputs: [floats([batch, tokens, 3 * width], -2, 2), floats([batch, tokens, width])],
    run: (k, [qkv, gradient]) => {
      const [out, weights] = k.attention(qkv, heads, true)
      if (weights === undefined) throw new Error("the probabilities were to be kept")
      const probabilities = tensor(scores, qkv.dtype, weights)
      const [alone] = k.attention(qkv, heads, false)
      return [
        float(gradient.shape, alone),
        float(gradient.shape, out),
        float(scores, weights),
        float(qkv.shape, k.attentionGradient(qkv, probabilities, gradient, heads))
      ]
    }
  }
}

const adamW = (shape: Shape): Case => ({
  kernel: "adamW",
  name: text(shape),
  inputs: [
    floats(shape),
    floats(shape),
    floats(shape, -0.1, 0.1),
    floats(shape, 0, 0.01),
    floats([], 0.5, 1)
  ],
  updated: [0, 2, 3],
  run: (k, [parameter, gradient, first, second, scale]) => {
    for (const step of [1, 2]) {
      const updated = k.adamW(parameter, gradient, first, second, scale, {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0.1,
        correction1: 1 - 0.9 ** step,
        correction2: 1 - 0.999 ** step
      })
      ;[parameter, first, second].forEach((x, i) => {
        x.storage.buffer = updated[i]
      })
    }
    return []
  }
})

const { NaN: nan, NEGATIVE_INFINITY: low } = Number

export const neuralCases: ReadonlyArray<Case> = [
  ...rowShapes.flatMap(softmax),
  {
    kernel: "softmax",
    name: "rows with NaN and with -inf",
    inputs: [exactly([1, nan, 2, low, 0, 1, 5, 5, low, 0, 0, 0], [4, 3])],
    run: (k, [x]) => [float([4, 3], k.softmax(x))]
  },
  ...rowShapes.map(layerNorm),
  ...rowShapes.map(crossEntropy),
  ...rowShapes.flatMap((shape) => [divergence(shape, 1), divergence(shape, 2.5)]),
  {
    kernel: "divergence",
    name: "a class that the teacher excludes",
    inputs: [exactly([0, 1, 2], [1, 3]), exactly([1, low, 1], [1, 3])],
    run: (k, [student, teacher]) => k.divergence(student, teacher, 1).map((buffer) => float([1], buffer))
  },
  ...(
    [
      [1, 1, 1, 1],
      [2, 5, 3, 4],
      [1, 33, 2, 16],
      [2, 17, 1, 7],
      [3, 40, 2, 24],
      [2, 64, 1, 4],
      [1, 150, 2, 8],
      [0, 3, 2, 2]
    ] as const
  ).map(attention),
  ...[[], [1], [5], [67, 33], [131, 307], [0, 3]].map(adamW)
]
