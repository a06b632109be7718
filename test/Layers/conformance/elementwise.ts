import type { BinaryOperation, CompareOperation, UnaryOperation } from "../../../src/Tensor/Backend.ts"
import { broadcastShapes, type Shape } from "../../../src/Tensor/Tensor.ts"
import { type Case, exactly, float, floats, type Input, int32, integers, text } from "./Case.ts"

/** A scalar, nothing, less and more than a SIMD register, and enough to be shared out among threads. */
const shapes: ReadonlyArray<Shape> = [[], [1], [0], [2, 0, 3], [3], [8], [5, 3, 7], [67, 129], [131, 307]]

const ranges: { readonly [Operation in UnaryOperation]: readonly [number, number] } = {
  negate: [-3, 3],
  exp: [-20, 5],
  log: [1e-3, 50],
  sqrt: [0, 10],
  abs: [-3, 3],
  square: [-3, 3],
  reciprocal: [0.1, 5],
  tanh: [-12, 12],
  sigmoid: [-20, 20],
  relu: [-3, 3],
  gelu: [-8, 8],
  sin: [-30, 30],
  cos: [-30, 30],
  sign: [-3, 3],
  floor: [-30, 30]
}

const unary = (operation: UnaryOperation, input: Input): Case => ({
  kernel: operation,
  name: `${input.kind} ${text(input.shape)}`,
  inputs: [input],
  run: (k, [x]) => [{ shape: x.shape, kind: input.kind, buffer: k.unary(operation, x) }]
})

const operations = Object.keys(ranges) as ReadonlyArray<UnaryOperation>

const smallPairs: ReadonlyArray<readonly [Shape, Shape]> = [
  [[], []],
  [
    [67, 33],
    [67, 33]
  ],
  [[67, 33], [33]],
  [[33], [67, 33]],
  [
    [67, 33],
    [67, 1]
  ],
  [
    [67, 1],
    [67, 33]
  ],
  [[67, 33], []],
  [[], [4, 5]],
  [
    [5, 1],
    [1, 7]
  ],
  [
    [3, 4, 5],
    [4, 5]
  ],
  [
    [3, 1, 5],
    [4, 1]
  ],
  [
    [2, 1, 3, 1],
    [5, 1, 6]
  ],
  [[1], [3]],
  [[0, 3], [3]],
  [[0], [1]]
]

/** Large enough to be shared out among threads. */
const pairs: typeof smallPairs = [
  ...smallPairs,
  [
    [131, 307],
    [131, 307]
  ],
  [[131, 307], [307]],
  [[131, 307], []]
]

const binaryRanges: { readonly [Operation in BinaryOperation]: readonly [number, number] } = {
  add: [-3, 3],
  subtract: [-3, 3],
  multiply: [-3, 3],
  divide: [0.2, 3],
  power: [0.2, 3],
  maximum: [-3, 3],
  minimum: [-3, 3],
  geluGradient: [-6, 6]
}

const common = (a: Shape, b: Shape): Shape => broadcastShapes(a, b) ?? []

const binary = (operation: BinaryOperation, a: Input, b: Input): Case => ({
  kernel: operation,
  name: `${a.kind} ${text(a.shape, b.shape)}`,
  inputs: [a, b],
  run: (k, [x, y]) => {
    const shape = common(x.shape, y.shape)
    return [{ shape, kind: a.kind, buffer: k.binary(operation, x, y, shape) }]
  }
})

const compare = (operation: CompareOperation, a: Input, b: Input): Case => ({
  kernel: operation,
  name: `${a.kind} ${text(a.shape, b.shape)}`,
  inputs: [a, b],
  run: (k, [x, y]) => {
    const shape = common(x.shape, y.shape)
    return [int32(shape, k.compare(operation, x, y, shape))]
  }
})

const where = (condition: Shape, a: Input, b: Input): Case => ({
  kernel: "where",
  name: `${a.kind} ${text(condition, a.shape, b.shape)}`,
  inputs: [integers(condition, -1, 2), a, b],
  run: (k, [chosen, x, y]) => {
    const shape = common(chosen.shape, common(x.shape, y.shape))
    return [{ shape, kind: a.kind, buffer: k.where(chosen, x, y, shape) }]
  }
})

const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e-30, 80]

const specialUnary = (
  ["exp", "sqrt", "log", "abs", "negate", "relu", "tanh", "sigmoid", "square", "floor"] as const
).map((operation): Case => ({ ...unary(operation, exactly(special)), name: "NaN, infinities and zeros" }))

const everyPair = special.flatMap((a) => special.map((b) => [a, b] as const))
const [left, right] = [everyPair.map(([a]) => a), everyPair.map(([, b]) => b)]

const specialBinary = (["add", "multiply", "divide", "maximum", "minimum"] as const).map(
  (operation): Case => ({
    ...binary(operation, exactly(left), exactly(right)),
    name: "NaN, infinities and zeros"
  })
)

const specialCompare = (["equal", "less", "lessEqual"] as const).map(
  (operation): Case => ({
    ...compare(operation, exactly(left), exactly(right)),
    name: "NaN, infinities and zeros"
  })
)

export const elementwiseCases: ReadonlyArray<Case> = [
  ...operations.flatMap((operation) =>
    shapes.map((shape) => unary(operation, floats(shape, ...ranges[operation])))
  ),
  ...(["negate", "abs", "square", "sign"] as const).flatMap((operation) =>
    [[], [0], [3], [67, 129]].map((shape) => unary(operation, integers(shape, -1000, 1000)))
  ),
  ...specialUnary,
  ...(Object.keys(binaryRanges) as ReadonlyArray<BinaryOperation>).flatMap((operation) =>
    pairs.map(([a, b]) =>
      binary(operation, floats(a, ...binaryRanges[operation]), floats(b, ...binaryRanges[operation]))
    )
  ),
  ...(["add", "subtract", "multiply", "maximum", "minimum"] as const).flatMap((operation) =>
    smallPairs.map(([a, b]) => binary(operation, integers(a, -1000, 1000), integers(b, -1000, 1000)))
  ),
  ...specialBinary,
  ...(["equal", "less", "lessEqual"] as const).flatMap((operation) =>
    smallPairs.flatMap(([a, b]) => [
      compare(operation, integers(a, -2, 3, "float"), integers(b, -2, 3, "float")),
      compare(operation, integers(a, -2, 3), integers(b, -2, 3))
    ])
  ),
  ...specialCompare,
  ...smallPairs.flatMap(([a, b]) => [
    where(a, floats(a), floats(b)),
    where(b, floats(a), floats(b)),
    where([], floats(a), floats(b)),
    where(common(a, b), integers(a, -9, 9), integers(b, -9, 9))
  ]),
  compare("less", floats([131, 307]), floats([131, 307])),
  where([2, 1, 1], floats([3, 1]), floats([4])),
  where([131, 307], floats([131, 307]), floats([307])),
  ...shapes.flatMap(
    (shape): ReadonlyArray<Case> => [
      {
        kernel: "fill",
        name: text(shape),
        inputs: [],
        run: (k, _, dtype) => [
          float(shape, k.fill(1.5, shape, dtype)),
          float(shape, k.fill(0, shape, dtype)),
          int32(shape, k.fill(-7, shape, "int32"))
        ]
      },
      {
        kernel: "cast",
        name: `float to int32 and back ${text(shape)}`,
        inputs: [floats(shape, -9, 9), integers(shape, -1000, 1000)],
        run: (k, [x, i], dtype) => [int32(shape, k.cast(x, "int32")), float(shape, k.cast(i, dtype))]
      },
      {
        kernel: "dropout",
        name: text(shape),
        inputs: [floats(shape, 1, 2)],
        run: (k, [x]) => [
          float(shape, k.dropout(x, 0.1, [1, 2])),
          float(shape, k.dropout(x, 0.5, [0x9e3779b9, -5])),
          float(shape, k.dropout(x, 0.999, [0, 0]))
        ]
      }
    ]
  )
]
