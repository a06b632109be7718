import { Result, Schema } from "effect"
import { upload } from "../../Tensor/Host.ts"
import { sizeOf } from "../../Tensor/Tensor.ts"
import { type Operations, type Shape, ShapeError, type Tensor } from "../../Tensor/index.ts"
import {
  countNumbers,
  decodeDescription,
  overRows,
  type Weight,
  type WeightCodec
} from "../../Weight/index.ts"
import {
  cheapestOrder,
  contractFromFirst,
  contractFromLast,
  expand,
  type MatrixShape,
  multiplications,
  rowsAt,
  transposedShape
} from "./MatrixContraction.ts"

/** W [prod m_k, prod n_k] with W[(i_1 ... i_d), (j_1 ... j_d)] = G_1[:, i_1, j_1, :] ... G_d[:, i_d, j_d, :]. */
export interface TensorTrainWeight extends Weight {
  readonly format: "tensor-train"
  readonly shape: MatrixShape
  /** The k-th digit of every row of W, int32 [inputs] on the backend; made with the weight and shared by `withTensors`. */
  readonly digits: ReadonlyArray<Tensor>
}

const operation = "tensorTrainWeight"

const shapeOf = (cores: ReadonlyArray<Tensor>): MatrixShape => {
  const shapes = cores.map(({ shape }) => shape)
  const wrong = (reason: string) => new ShapeError({ operation, reason, shapes })
  if (cores.length === 0) throw wrong("there are no cores")
  if (shapes.some((shape) => shape.length !== 4 || shape.some((size) => size < 1)))
    throw wrong("each core must be [r, m, n, r'], all at least 1")
  const ranks = [...shapes.map((shape) => shape[0]), shapes[shapes.length - 1][3]]
  const broken = shapes.findIndex((shape, k) => shape[3] !== ranks[k + 1])
  if (broken >= 0)
    throw wrong(
      `core ${broken} ends with rank ${shapes[broken][3]}, the next begins with ${ranks[broken + 1]}`
    )
  if (ranks[0] !== 1 || ranks[cores.length] !== 1) throw wrong("the first and the last rank must be 1")
  return { inputs: shapes.map((shape) => shape[1]), outputs: shapes.map((shape) => shape[2]), ranks }
}

/**
 * A TT-matrix as a weight, its cores [r_{k-1}, m_k, n_k, r_k] (Novikov et al., "Tensorizing neural networks", 2015). Runs
 * inside a region, which uploads the rows' digits; throws `ShapeError` for cores that do not fit together. `apply` contracts in
 * the order that is cheapest for the rows it is given.
 *
 * @example
 *   const weight = yield* compute((t) => tensorTrainWeight(t, cores))
 */
export const tensorTrainWeight = (t: Operations, cores: ReadonlyArray<Tensor>): TensorTrainWeight => {
  const shape = shapeOf(cores)
  return assemble(cores, shape, digitsOf(t, shape.inputs))
}

const digitsOf = (t: Operations, sizes: ReadonlyArray<number>): ReadonlyArray<Tensor> => {
  const inputs = sizeOf(sizes)
  let after = inputs
  return sizes.map((size) => {
    after /= size
    return upload(
      t.region,
      Int32Array.from({ length: inputs }, (_, row) => Math.floor(row / after) % size)
    )
  })
}

const assemble = (
  cores: ReadonlyArray<Tensor>,
  shape: MatrixShape,
  digits: ReadonlyArray<Tensor>
): TensorTrainWeight => {
  const tensors = Object.fromEntries(cores.map((core, k) => [coreName(k), core]))
  const parts = { shape, cores, transposed: false }
  return {
    format: "tensor-train",
    shape,
    digits,
    inputs: sizeOf(shape.inputs),
    outputs: sizeOf(shape.outputs),
    tensors,
    indices: {},
    withTensors: (replaced) => {
      const next = cores.map((_, k) => replaced[coreName(k)])
      return assemble(next, sameShapeAs(shape, next), digits)
    },
    apply: (t, x, bias) => overRows(t, x, (rows) => product(t, rows, cores, shape, false, bias)),
    applyTransposed: (t, x) => overRows(t, x, (rows) => product(t, rows, cores, shape, true)),
    rows: (t, wanted) => {
      const flat = t.reshape(wanted, [-1])
      const found = rowsAt(
        t,
        parts,
        digits.map((digit) => t.gather(digit, flat))
      )
      return t.reshape(found, [...wanted.shape, found.shape[1]])
    },
    toDense: (t) => expand(t, parts),
    storedParameters: countNumbers({ tensors, indices: {} }),
    multiplyAdds: (count) => multiplications(shape, cheapestOrder(shape, count), count)
  }
}

const coreName = (k: number): string => `core${k}`

const text = ({ inputs, outputs, ranks }: MatrixShape): string => `${inputs} | ${outputs} | ${ranks}`

const sameShapeAs = (expected: MatrixShape, cores: ReadonlyArray<Tensor>): MatrixShape => {
  const shape = shapeOf(cores)
  if (text(shape) !== text(expected))
    throw new ShapeError({
      operation: `${operation}.withTensors`,
      reason: `the weight has inputs | outputs | ranks ${text(expected)}`,
      shapes: cores.map((core) => core.shape)
    })
  return shape
}

/** x W + bias, or x Wᵀ. */
const product = (
  t: Operations,
  x: Tensor,
  cores: ReadonlyArray<Tensor>,
  shape: MatrixShape,
  transposed: boolean,
  bias?: Tensor
): Tensor => {
  const parts = { shape, cores, transposed }
  const order = cheapestOrder(transposed ? transposedShape(shape) : shape, x.shape[0])
  if (order === "dense-first") {
    const matrix = expand(t, parts)
    return transposed ? t.matmul(x, matrix, { transposeB: true }) : t.linear(x, matrix, bias)
  }
  const y = (order === "first-core-first" ? contractFromFirst : contractFromLast)(t, x, parts)
  return bias === undefined ? y : t.add(y, bias)
}

const Sizes = Schema.NonEmptyArray(Schema.Int.check(Schema.isGreaterThan(0)))
const Description = Schema.Struct({ inputs: Sizes, outputs: Sizes, ranks: Sizes })

/** TT-matrix weights in files: "core0", "core1", ...; the configuration says the sizes m_k and n_k and the ranks r_0..r_d. */
export const tensorTrainCodec: WeightCodec = {
  format: "tensor-train",
  describe: ({ tensors }) => {
    const { inputs, outputs, ranks } = shapeOf(Object.keys(tensors).map((_, k) => tensors[coreName(k)]))
    return { inputs, outputs, ranks }
  },
  layout: (description, rows, columns) =>
    Result.flatMap(decodeDescription(Description, description), ({ inputs, outputs, ranks }) => {
      const count = inputs.length
      if (outputs.length !== count || ranks.length !== count + 1 || ranks[0] !== 1 || ranks[count] !== 1)
        return Result.fail(
          `${count} input sizes need ${count} output sizes and ${count + 1} ranks that begin and end with 1`
        )
      const [m, n] = [sizeOf(inputs), sizeOf(outputs)]
      if (m !== rows || n !== columns)
        return Result.fail(`[${inputs}] by [${outputs}] is [${m}, ${n}], not [${rows}, ${columns}]`)
      const shapes = inputs.map((size, k): Shape => [ranks[k], size, outputs[k], ranks[k + 1]])
      return Result.succeed({
        tensors: Object.fromEntries(shapes.map((shape, k) => [coreName(k), shape])),
        indices: {},
        assemble: (t, tensors) =>
          tensorTrainWeight(
            t,
            shapes.map((_, k) => tensors[coreName(k)])
          )
      })
    })
}
