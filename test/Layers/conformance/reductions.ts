import type { ReduceOperation } from "../../../src/Tensor/Backend.ts"
import type { Shape } from "../../../src/Tensor/Tensor.ts"
import { type Case, exactly, floats, type Input, int32, integers, text } from "./Case.ts"

type Axes = ReadonlyArray<number>

const reductions: ReadonlyArray<readonly [Shape, Axes]> = [
  [[1], [0]],
  [[7], [0]],
  [[307], [0]],
  [[67, 129], [0]],
  [[67, 129], [1]],
  [
    [67, 129],
    [0, 1]
  ],
  [[131, 307], [0]],
  [[131, 307], [1]],
  [
    [131, 307],
    [0, 1]
  ],
  [[3, 5, 7], [0]],
  [[3, 5, 7], [1]],
  [[3, 5, 7], [2]],
  [
    [3, 5, 7],
    [0, 1]
  ],
  [
    [3, 5, 7],
    [0, 2]
  ],
  [
    [3, 5, 7],
    [1, 2]
  ],
  [
    [3, 5, 7],
    [0, 1, 2]
  ],
  [
    [4, 3, 5, 2],
    [0, 2]
  ],
  [
    [4, 3, 5, 2],
    [1, 3]
  ],
  [
    [4, 1, 5, 1],
    [1, 2]
  ],
  [[40_009], [0]],
  [[2, 1 << 15], [1]],
  [[0, 3], [1]],
  [[2, 0, 3], [0]]
]

const ofNothing: ReadonlyArray<readonly [Shape, Axes]> = [
  [[0], [0]],
  [[0, 3], [0]],
  [[2, 0], [1]],
  [
    [2, 0, 3],
    [0, 1]
  ]
]

const reduce = (operation: ReduceOperation, input: Input, axes: Axes): Case => ({
  kernel: operation,
  name: `${input.kind} ${text(input.shape)} over axes ${text(axes)}`,
  inputs: [input],
  run: (k, [x]) => [
    {
      shape: x.shape.filter((_, axis) => !axes.includes(axis)),
      kind: input.kind,
      buffer: k.reduce(operation, x, axes)
    }
  ]
})

const argmax = (input: Input, what = "distinct"): Case => ({
  kernel: "argmax",
  name: `${what} ${text(input.shape)}`,
  inputs: [input],
  run: (k, [x]) => [int32(x.shape.slice(0, -1), k.argmax(x))]
})

/** A row and its reverse. */
const rows = (values: ReadonlyArray<number>): Input =>
  exactly([...values, ...values.toReversed()], [2, values.length])

export const reductionCases: ReadonlyArray<Case> = [
  ...(["sum", "sumOfSquares", "max", "min"] as const).flatMap((operation) =>
    reductions.map(([shape, axes]) => reduce(operation, floats(shape, -1, 1.5), axes))
  ),
  ...(["sum", "sumOfSquares"] as const).flatMap((operation) =>
    ofNothing.map(([shape, axes]) => reduce(operation, floats(shape), axes))
  ),
  ...(["sum", "max", "min"] as const).flatMap((operation) =>
    reductions.map(([shape, axes]) => reduce(operation, integers(shape, -1000, 1000), axes))
  ),
  // Negative numbers alone: a maximum that starts at 0 would show.
  ...(["max", "min"] as const).flatMap((operation) => [
    reduce(operation, floats([5, 7], -3, -1), [1]),
    reduce(operation, floats([5, 7], 1, 3), [0]),
    ...[0, 1].map((axis) => reduce(operation, rows([1, Number.NaN, 2, -1, 5, 6, 7, 8, 9]), [axis])),
    ...[0, 1].map((axis) => reduce(operation, rows([-Infinity, -Infinity, 1, Infinity, 3]), [axis]))
  ]),
  reduce("sum", rows([1, Infinity, 2]), [1]),
  reduce("sum", rows([1, Number.NaN, 2]), [1]),
  ...[[1], [7], [67, 129], [3, 5, 33], [131, 307], [0, 3]].flatMap((shape) => [
    argmax(floats(shape)),
    argmax(integers(shape, 0, 3, "float"), "many equal")
  ]),
  argmax(floats([4, 17], -5, -4), "negative")
]
