import type { Kernels } from "../../Tensor/Backend.ts"
import { bytesPerElement } from "../../Tensor/Tensor.ts"
import { addressOf, type Dispatch, lastAxis, rowsOf } from "./Dispatch.ts"

type RowWise =
  | "softmax"
  | "softmaxGradient"
  | "layerNorm"
  | "layerNormGradient"
  | "crossEntropy"
  | "crossEntropyGradient"
  | "divergence"
  | "divergenceGradient"

/** Kernels that look at one row of the last axis at a time; the work of an exponential counts as several elements. */
export const rowWiseKernels = (d: Dispatch): Pick<Kernels, RowWise> => ({
  softmax: (x) =>
    d.filled(x.shape, x.dtype, (out) => {
      const [count, columns] = lastAxis(x)
      const [, stride] = rowsOf(x, columns)
      d.rows(
        d.kernel("softmax", x.dtype),
        [rowsOf(x, columns), [out, stride]],
        count,
        [columns],
        4 * count * columns
      )
    }),
  softmaxGradient: (y, gradient) =>
    d.filled(y.shape, y.dtype, (out) => {
      const [count, columns] = lastAxis(y)
      const [, stride] = rowsOf(y, columns)
      d.rows(
        d.kernel("softmaxGradient", y.dtype),
        [rowsOf(y, columns), rowsOf(gradient, columns), [out, stride]],
        count,
        [columns],
        count * columns
      )
    }),
  layerNorm: (x, gain, bias, epsilon) => {
    const [count, columns] = lastAxis(x)
    const bytes = bytesPerElement(x.dtype)
    const statistics = x.shape.slice(0, -1)
    return d.filledAll([x.shape, statistics, statistics], x.dtype, (out, mean, deviation) =>
      d.rows(
        d.kernel("layerNorm", x.dtype),
        [
          rowsOf(x, columns),
          [addressOf(gain), 0],
          [addressOf(bias), 0],
          [out, columns * bytes],
          [mean, bytes],
          [deviation, bytes]
        ],
        count,
        [columns, epsilon],
        2 * count * columns
      )
    )
  },
  layerNormGradient: (x, gain, mean, inverseDeviation, gradient) => {
    const [count, columns] = lastAxis(x)
    const bytes = bytesPerElement(x.dtype)
    return d.filledAll([x.shape, gain.shape, gain.shape], x.dtype, (dx, dGain, dBias) => {
      d.rows(
        d.kernel("layerNormGradientInput", x.dtype),
        [
          rowsOf(x, columns),
          [addressOf(gain), 0],
          [addressOf(mean), bytes],
          [addressOf(inverseDeviation), bytes],
          rowsOf(gradient, columns),
          [dx, columns * bytes]
        ],
        count,
        [columns],
        3 * count * columns
      )
      const fixed = [...[x, mean, inverseDeviation, gradient].map(addressOf), dGain, dBias, count, columns]
      d.columns(d.kernel("layerNormGradientParameters", x.dtype), columns, fixed, count * columns)
    })
  },
  crossEntropy: (logits, targets) => {
    const [count, columns] = lastAxis(logits)
    d.checkIndices("crossEntropy", targets, columns, Number.NEGATIVE_INFINITY)
    const bytes = bytesPerElement(logits.dtype)
    return d.filledAll([targets.shape, targets.shape], logits.dtype, (losses, logSumExp) =>
      d.rows(
        d.kernel("crossEntropy", logits.dtype),
        [rowsOf(logits, columns), [addressOf(targets), 4], [losses, bytes], [logSumExp, bytes]],
        count,
        [columns],
        4 * count * columns
      )
    )
  },
  crossEntropyGradient: (logits, targets, logSumExp, gradient) =>
    d.filled(logits.shape, logits.dtype, (out) => {
      const [count, columns] = lastAxis(logits)
      const bytes = bytesPerElement(logits.dtype)
      d.rows(
        d.kernel("crossEntropyGradient", logits.dtype),
        [
          rowsOf(logits, columns),
          [addressOf(targets), 4],
          [addressOf(logSumExp), bytes],
          [addressOf(gradient), bytes],
          [out, columns * bytes]
        ],
        count,
        [columns],
        4 * count * columns
      )
    }),
  divergence: (student, teacher, temperature) => {
    const [count, columns] = lastAxis(student)
    const bytes = bytesPerElement(student.dtype)
    const statistics = student.shape.slice(0, -1)
    return d.filledAll([statistics, statistics, statistics], student.dtype, (losses, ofStudent, ofTeacher) =>
      d.rows(
        d.kernel("divergence", student.dtype),
        [
          rowsOf(student, columns),
          rowsOf(teacher, columns),
          [losses, bytes],
          [ofStudent, bytes],
          [ofTeacher, bytes]
        ],
        count,
        [columns, temperature],
        8 * count * columns
      )
    )
  },
  divergenceGradient: (student, teacher, ofStudent, ofTeacher, gradient, temperature) =>
    d.filled(student.shape, student.dtype, (out) => {
      const [count, columns] = lastAxis(student)
      const bytes = bytesPerElement(student.dtype)
      d.rows(
        d.kernel("divergenceGradient", student.dtype),
        [
          rowsOf(student, columns),
          rowsOf(teacher, columns),
          [addressOf(ofStudent), bytes],
          [addressOf(ofTeacher), bytes],
          [addressOf(gradient), bytes],
          [out, columns * bytes]
        ],
        count,
        [columns, temperature],
        8 * count * columns
      )
    })
})
