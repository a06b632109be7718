import type { Shape, Tensor } from "../../../src/Tensor/Tensor.ts"
import { type Case, floats, type Input, integers, type Kind, text } from "./Case.ts"

const both = (
  make: (kind: Kind, input: (shape: Shape) => Input) => ReadonlyArray<Case>
): ReadonlyArray<Case> => [
  ...make("float", (shape) => floats(shape)),
  ...make("int32", (shape) => integers(shape, -1000, 1000))
]

const transposes: ReadonlyArray<readonly [Shape, ReadonlyArray<number>]> = [
  [[], []],
  [[5], [0]],
  [
    [2, 3],
    [1, 0]
  ],
  [
    [67, 33],
    [1, 0]
  ],
  [
    [129, 300],
    [1, 0]
  ],
  [
    [1, 9],
    [1, 0]
  ],
  [
    [0, 3],
    [1, 0]
  ],
  [
    [3, 4, 5],
    [0, 2, 1]
  ],
  [
    [3, 4, 5],
    [1, 0, 2]
  ],
  [
    [3, 4, 5],
    [1, 2, 0]
  ],
  [
    [3, 4, 5],
    [2, 0, 1]
  ],
  [
    [3, 4, 5],
    [2, 1, 0]
  ],
  [
    [2, 17, 3, 16],
    [0, 2, 1, 3]
  ],
  [
    [2, 3, 4, 5],
    [3, 1, 0, 2]
  ],
  [
    [2, 3, 4, 5],
    [2, 3, 0, 1]
  ],
  [
    [2, 1, 3, 2, 2],
    [4, 0, 3, 1, 2]
  ]
]

const broadcasts: ReadonlyArray<readonly [Shape, Shape]> = [
  [[], [3, 4]],
  [[], []],
  [[1], [307]],
  [[4], [3, 4]],
  [
    [3, 1],
    [3, 4]
  ],
  [
    [1, 33],
    [67, 33]
  ],
  [
    [67, 1],
    [67, 33]
  ],
  [
    [2, 1, 3],
    [4, 2, 5, 3]
  ],
  [
    [1, 3, 1],
    [2, 3, 5]
  ],
  [[3], [0, 3]],
  [[1], [0]]
]

const slices: ReadonlyArray<readonly [Shape, ReadonlyArray<number>, Shape]> = [
  [[], [], []],
  [[9], [2], [5]],
  [[9], [9], [0]],
  [
    [67, 33],
    [0, 0],
    [67, 33]
  ],
  [
    [67, 33],
    [5, 0],
    [20, 33]
  ],
  [
    [67, 33],
    [0, 7],
    [67, 9]
  ],
  [
    [67, 33],
    [66, 32],
    [1, 1]
  ],
  [
    [3, 4, 5],
    [1, 0, 2],
    [2, 4, 3]
  ],
  [
    [3, 4, 5],
    [0, 1, 0],
    [3, 2, 5]
  ],
  [
    [3, 4, 5],
    [0, 2, 0],
    [3, 0, 5]
  ],
  [
    [2, 3, 4, 5],
    [1, 1, 1, 1],
    [1, 2, 2, 3]
  ]
]

const pads: ReadonlyArray<readonly [Shape, ReadonlyArray<number>, ReadonlyArray<number>]> = [
  [[], [], []],
  [[5], [2], [3]],
  [[5], [0], [0]],
  [
    [67, 33],
    [0, 3],
    [0, 5]
  ],
  [
    [67, 33],
    [4, 0],
    [1, 0]
  ],
  [
    [3, 4, 5],
    [1, 0, 2],
    [0, 2, 1]
  ],
  [
    [0, 3],
    [2, 1],
    [1, 0]
  ],
  [
    [2, 3, 2, 2],
    [1, 1, 0, 1],
    [0, 1, 2, 0]
  ]
]

const joins: ReadonlyArray<readonly [ReadonlyArray<Shape>, number]> = [
  [[[3]], 0],
  [[[3], [5], [1]], 0],
  [
    [
      [2, 3],
      [4, 3]
    ],
    0
  ],
  [
    [
      [67, 33],
      [67, 2],
      [67, 1]
    ],
    1
  ],
  [
    [
      [3, 4, 5],
      [3, 1, 5],
      [3, 0, 5],
      [3, 2, 5]
    ],
    1
  ],
  [
    [
      [3, 4, 5],
      [3, 4, 2]
    ],
    2
  ],
  [
    [
      [0, 3],
      [0, 3]
    ],
    0
  ]
]

const indexed: ReadonlyArray<readonly [Shape, Shape]> = [
  [[7, 5], [11]],
  [[7], [2, 3]],
  [[7, 2, 3], [4]],
  [
    [7, 33],
    [2, 3]
  ],
  [[129, 67], [300]],
  [[7, 5], []],
  [[7, 5], [0]],
  [[7, 0], [3]],
  [[1, 4], [9]]
]

export const movementCases: ReadonlyArray<Case> = both((kind, input) => [
  ...transposes.map(
    ([shape, permutation]): Case => ({
      kernel: "transpose",
      name: `${kind} ${text(shape)} by ${text(permutation)}`,
      inputs: [input(shape)],
      run: (k, [x]) => [
        { shape: permutation.map((axis) => shape[axis]), kind, buffer: k.transpose(x, permutation) }
      ]
    })
  ),
  ...broadcasts.map(
    ([shape, target]): Case => ({
      kernel: "broadcastTo",
      name: `${kind} ${text(shape)} to ${text(target)}`,
      inputs: [input(shape)],
      run: (k, [x]) => [{ shape: target, kind, buffer: k.broadcastTo(x, target) }]
    })
  ),
  ...slices.map(
    ([shape, start, size]): Case => ({
      kernel: "slice",
      name: `${kind} ${text(shape)} from ${text(start)} of size ${text(size)}`,
      inputs: [input(shape)],
      run: (k, [x]) => [{ shape: size, kind, buffer: k.slice(x, start, size) }]
    })
  ),
  ...pads.map(
    ([shape, before, after]): Case => ({
      kernel: "pad",
      name: `${kind} ${text(shape)} by ${text(before, after)}`,
      inputs: [input(shape)],
      run: (k, [x]) => [
        {
          shape: shape.map((size, axis) => before[axis] + size + after[axis]),
          kind,
          buffer: k.pad(x, before, after)
        }
      ]
    })
  ),
  ...joins.map(
    ([shapes, axis]): Case => ({
      kernel: "concatenate",
      name: `${kind} ${text(...shapes)} along ${axis}`,
      inputs: shapes.map(input),
      run: (k, parts: ReadonlyArray<Tensor>) => [
        {
          shape: shapes[0].map((size, i) =>
            i === axis ? shapes.reduce((total, shape) => total + shape[axis], 0) : size
          ),
          kind,
          buffer: k.concatenate(parts, axis)
        }
      ]
    })
  ),
  ...indexed.map(
    ([shape, indices]): Case => ({
      kernel: "gather",
      name: `${kind} ${text(shape)} at ${text(indices)}`,
      inputs: [input(shape), integers(indices, 0, shape[0])],
      run: (k, [x, rows]) => [{ shape: [...indices, ...shape.slice(1)], kind, buffer: k.gather(x, rows) }]
    })
  ),
  ...(kind === "int32" ? [] : indexed).flatMap(
    ([shape, indices]): ReadonlyArray<Case> => [
      {
        kernel: "segmentSum",
        name: `${text([...indices, ...shape.slice(1)])} into ${shape[0]}`,
        inputs: [input([...indices, ...shape.slice(1)]), integers(indices, 0, shape[0])],
        run: (k, [x, rows]) => [{ shape, kind, buffer: k.segmentSum(x, rows, shape[0]) }]
      },
      {
        kernel: "segmentSum",
        name: `${text([...indices, ...shape.slice(1)])}, segments without rows`,
        inputs: [input([...indices, ...shape.slice(1)]), integers(indices, 2, 4)],
        run: (k, [x, rows]) => [{ shape: [6, ...shape.slice(1)], kind, buffer: k.segmentSum(x, rows, 6) }]
      }
    ]
  )
])
