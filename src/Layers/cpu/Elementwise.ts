import type { Kernels } from "../../Tensor/Backend.ts"
import { bytesPerElement, type DType, type Shape, sizeOf, type Tensor } from "../../Tensor/Tensor.ts"
import { broadcastLayout } from "./Broadcast.ts"
import { addressOf, type Dispatch, suffixes } from "./Dispatch.ts"
import type { Block } from "./Memory.ts"

/** Columns that one call of a pairwise kernel runs through, so that long rows can be shared out. */
const longestRow = 4096

/** Where an operand lies, and how far apart its rows and columns are, in elements. */
type Operand = readonly [address: number, row: number, column: number]

/** Broadcasting kernels take [rows, columns] with any row stride and a column stride of 0 or 1. */
const pairwise = (d: Dispatch, kernel: number, a: Tensor, b: Tensor, shape: Shape, outDType: DType): Block =>
  d.filled(shape, outDType, (out) => {
    const size = sizeOf(shape)
    if (size === 0) return
    const bytes = bytesPerElement(a.dtype)
    const outBytes = bytesPerElement(outDType)

    const grid = (first: Operand, second: Operand, to: number, count: number, columns: number) =>
      d.rows(
        kernel,
        [
          [first[0], first[1] * bytes],
          [second[0], second[1] * bytes],
          [to, columns * outBytes]
        ],
        count,
        [columns, first[1], first[2], second[1], second[2]],
        count * columns
      )

    /** One long row, cut into rows of equal length for the threads and a rest. */
    const line = (first: number, stepA: number, second: number, stepB: number) => {
      const columns = Math.min(size, longestRow)
      const count = Math.floor(size / columns)
      grid([first, stepA * columns, stepA], [second, stepB * columns, stepB], out, count, columns)
      const done = count * columns
      if (done < size)
        grid(
          [first + done * stepA * bytes, 0, stepA],
          [second + done * stepB * bytes, 0, stepB],
          out + done * outBytes,
          1,
          size - done
        )
    }

    const { sizes, strides } = broadcastLayout(shape, [a.shape, b.shape])
    const [sa, sb] = strides
    if (sizes.length === 1) line(addressOf(a), sa[0], addressOf(b), sb[0])
    else if (sizes.length === 2)
      grid([addressOf(a), sa[0], sa[1]], [addressOf(b), sb[0], sb[1]], out, sizes[0], sizes[1])
    else
      d.lendBroadcast(a, shape, (first) => d.lendBroadcast(b, shape, (second) => line(first, 1, second, 1)))
  })

const perElement = (d: Dispatch, kernel: number, x: Tensor, outDType: DType): Block =>
  d.filled(x.shape, outDType, (out) => {
    const n = sizeOf(x.shape)
    const pointers = [
      [addressOf(x), bytesPerElement(x.dtype)],
      [out, bytesPerElement(outDType)]
    ] as const
    d.rows(kernel, pointers, n, [], n)
  })

type Elementwise = "fill" | "cast" | "unary" | "binary" | "compare" | "where" | "dropout" | "adamW"

/** Kernels that treat every element alike. */
export const elementwiseKernels = (d: Dispatch): Pick<Kernels, Elementwise> => ({
  fill: (value, shape, dtype) =>
    d.filled(shape, dtype, (out) => {
      const start = out / bytesPerElement(dtype)
      const words =
        dtype === "float32" ? d.memory.float32 : dtype === "float64" ? d.memory.float64 : d.memory.int32
      words.fill(value, start, start + sizeOf(shape))
    }),
  cast: (x, dtype) => perElement(d, d.kernel(`cast_${suffixes[x.dtype]}`, dtype), x, dtype),
  unary: (operation, x) => perElement(d, d.kernel(`unary_${operation}`, x.dtype), x, x.dtype),
  binary: (operation, a, b, shape) =>
    pairwise(d, d.kernel(`binary_${operation}`, a.dtype), a, b, shape, a.dtype),
  compare: (operation, a, b, shape) =>
    pairwise(d, d.kernel(`compare_${operation}`, a.dtype), a, b, shape, "int32"),
  where: (condition, a, b, shape) =>
    d.filled(shape, a.dtype, (out) => {
      const n = sizeOf(shape)
      const bytes = bytesPerElement(a.dtype)
      d.lendBroadcast(condition, shape, (c) =>
        d.lendBroadcast(a, shape, (first) =>
          d.lendBroadcast(b, shape, (second) =>
            d.rows(
              d.mover("select", a.dtype),
              [
                [c, 4],
                [first, bytes],
                [second, bytes],
                [out, bytes]
              ],
              n,
              [],
              n
            )
          )
        )
      )
    }),
  dropout: (x, rate, [low, high]) =>
    d.filled(x.shape, x.dtype, (out) => {
      const n = sizeOf(x.shape)
      const bytes = bytesPerElement(x.dtype)
      const pointers = [
        [addressOf(x), bytes],
        [out, bytes]
      ] as const
      // Hashing an index takes as long as several additions.
      d.rows(d.kernel("dropout", x.dtype), pointers, n, [rate, low, high], 4 * n, "byNumberedRows")
    }),
  adamW: (parameter, gradient, first, second, scale, options) => {
    const n = sizeOf(parameter.shape)
    const bytes = bytesPerElement(parameter.dtype)
    d.rows(
      d.kernel("adamW", parameter.dtype),
      [parameter, gradient, first, second].map((x) => [addressOf(x), bytes] as const),
      n,
      [
        addressOf(scale),
        options.learningRate,
        options.beta1,
        options.beta2,
        options.epsilon,
        options.weightDecay,
        options.correction1,
        options.correction2
      ],
      n
    )
    return [parameter.storage.buffer, first.storage.buffer, second.storage.buffer]
  }
})
