import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Mock } from "../../../src/Layers/Mock.ts"
import { compute, ShapeError, Tensor } from "../../../src/Tensor/index.ts"
import {
  cheapestOrder,
  type MatrixShape,
  multiplications,
  transposedShape
} from "../../../src/TensorTrain/matrix/MatrixContraction.ts"
import { tensorTrainCodec, tensorTrainWeight } from "../../../src/TensorTrain/index.ts"
import { normals, testWeight } from "../../Weight/WeightContract.ts"

const productOf = (sizes: ReadonlyArray<number>) => sizes.reduce((all, size) => all * size, 1)

/** Random cores, and the matrix by its definition: a sum over all paths through the ranks. */
const plant = ({ inputs, outputs, ranks }: MatrixShape) => {
  const cores = inputs.map((m, k) => normals(`core ${k}`, ranks[k] * m * outputs[k] * ranks[k + 1]))
  const [rows, columns] = [productOf(inputs), productOf(outputs)]
  const digits = (value: number, sizes: ReadonlyArray<number>) =>
    sizes.map((size, k) => Math.floor(value / productOf(sizes.slice(k + 1))) % size)
  const matrix = new Float64Array(rows * columns).map((_, e) => {
    const [i, j] = [digits(Math.floor(e / columns), inputs), digits(e % columns, outputs)]
    let path = [1]
    for (let k = 0; k < inputs.length; k++)
      path = Array.from({ length: ranks[k + 1] }, (_, s) =>
        path.reduce((sum, value, p) => {
          const at = ((p * inputs[k] + i[k]) * outputs[k] + j[k]) * ranks[k + 1] + s
          return sum + value * cores[k][at]
        }, 0)
      )
    return path[0]
  })
  const make = Effect.gen(function* () {
    const tensors: Array<Tensor> = []
    for (const [k, core] of cores.entries())
      tensors.push(yield* Tensor.fromArray(core, [ranks[k], inputs[k], outputs[k], ranks[k + 1]]))
    return yield* compute((t) => tensorTrainWeight(t, tensors))
  })
  return { inputs: rows, outputs: columns, matrix, make }
}

const full = (shape: ReadonlyArray<number>) => Tensor.full(shape, 1)

const shapes: ReadonlyArray<MatrixShape> = [
  { inputs: [6], outputs: [4], ranks: [1, 1] },
  { inputs: [3, 4], outputs: [2, 5], ranks: [1, 3, 1] },
  { inputs: [2, 3, 4], outputs: [3, 2, 2], ranks: [1, 2, 3, 1] },
  // Wide digits and small ranks: core by core is less work than building the matrix, from either end.
  { inputs: [12, 10], outputs: [2, 12], ranks: [1, 1, 1] },
  { inputs: [10, 12], outputs: [12, 2], ranks: [1, 1, 1] }
]
const rowCounts = [1, 2, 40]

describe("tensorTrainWeight", () => {
  for (const shape of shapes)
    testWeight(`[${shape.inputs}] by [${shape.outputs}], ranks ${shape.ranks}`, plant(shape), rowCounts)

  it("is tested here in every order of contraction, both ways round", () => {
    const met = new Set<string>()
    for (const shape of shapes)
      for (const rows of rowCounts) {
        met.add(cheapestOrder(shape, rows))
        met.add(`${cheapestOrder(transposedShape(shape), rows)} transposed`)
      }
    assert.strictEqual(met.size, 6, [...met].join("; "))
  })

  it("counts multiplications as the contractions do them", () => {
    const shape: MatrixShape = { inputs: [2, 3], outputs: [5, 7], ranks: [1, 4, 1] }
    // First core first: 3 of [2] x [2, 20], then 5 of [12] x [12, 7]; last first: 2 of [3] x [3, 28], then 7 of [8] x [8, 5].
    assert.strictEqual(multiplications(shape, "first-core-first", 10), 10 * (3 * 40 + 5 * 84))
    assert.strictEqual(multiplications(shape, "last-core-first", 10), 10 * (2 * 84 + 7 * 40))
    assert.strictEqual(multiplications(shape, "dense-first", 10), 6 * 35 * 4 + 10 * 6 * 35)
  })

  it.effect("stores its cores, and they come back from a file's layout", () =>
    Effect.gen(function* () {
      const shape = shapes[2]
      const weight = yield* plant(shape).make
      assert.strictEqual(weight.storedParameters, 12 + 36 + 24)
      assert.deepStrictEqual(Object.keys(weight.tensors), ["core0", "core1", "core2"])
      const description = tensorTrainCodec.describe(weight)
      assert.deepStrictEqual(description, { ...shape })
      const layout = Result.getOrThrow(
        tensorTrainCodec.layout(JSON.parse(JSON.stringify(description)), 24, 12)
      )
      assert.deepStrictEqual(
        layout.tensors,
        Object.fromEntries(Object.entries(weight.tensors).map(([name, x]) => [name, x.shape]))
      )
      const again = yield* compute((t) => layout.assemble(t, weight.tensors, {}))
      assert.deepStrictEqual(
        yield* Effect.flatMap(compute(again.toDense), Tensor.toArray),
        yield* Effect.flatMap(compute(weight.toDense), Tensor.toArray)
      )
      const wrong = [
        {},
        3,
        { ...description, ranks: [1, 2, 1] },
        { ...description, ranks: [2, 2, 3, 1] },
        { ...description, outputs: [3, 2] },
        { ...description, inputs: [2, 3, 0] }
      ]
      for (const each of wrong) assert.isTrue(Result.isFailure(tensorTrainCodec.layout(each, 24, 12)))
      assert.isTrue(Result.isFailure(tensorTrainCodec.layout(description, 12, 24)))
    }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("refuses cores that do not fit together, and replacements of other shapes", () =>
    Effect.gen(function* () {
      const [first, last] = [yield* full([1, 2, 3, 2]), yield* full([2, 2, 2, 1])]
      const [other, flat] = [yield* full([3, 2, 2, 1]), yield* full([2, 2])]
      for (const cores of [[], [flat], [first], [last], [first, other]]) {
        const error = yield* Effect.flip(compute((t) => tensorTrainWeight(t, cores)))
        assert.instanceOf(error, ShapeError)
      }
      const weight = yield* compute((t) => tensorTrainWeight(t, [first, last]))
      const wider = { core0: yield* full([1, 2, 3, 3]), core1: other }
      assert.instanceOf(yield* Effect.flip(compute(() => weight.withTensors(wider))), ShapeError)
    }).pipe(Effect.provide(Mock.layer()))
  )
})
