import { assert, layer as withLayer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Mock } from "../../src/Layers/Mock.ts"
import type { FloatDType, Kernels } from "../../src/Tensor/Backend.ts"
import {
  Backend,
  type BackendUnavailable,
  compute,
  type Operations,
  ShapeError,
  Tensor
} from "../../src/Tensor/index.ts"
import { type DType, Storage, type Tensor as TensorValue, type TypedArray } from "../../src/Tensor/Tensor.ts"
import { relativeDifference } from "../assertClose.ts"
import { transformer, transformerLoss } from "../Tensor/transformer.ts"
import type { Case, Input, Kind } from "./conformance/Case.ts"
import { elementwiseCases } from "./conformance/elementwise.ts"
import { factorizationChecks } from "./conformance/factorizations.ts"
import { movementCases } from "./conformance/movement.ts"
import { neuralCases } from "./conformance/neural.ts"
import { productCases } from "./conformance/products.ts"
import { reductionCases } from "./conformance/reductions.ts"

/** Largest error allowed, relative to the largest magnitude expected. */
export type Tolerance = { readonly [Float in FloatDType]: number }

const cases: ReadonlyArray<Case> = [
  ...elementwiseCases,
  ...reductionCases,
  ...movementCases,
  ...productCases,
  ...neuralCases
]

const casesOf = Map.groupBy(cases, ({ kernel }) => kernel)

/** The numbers of an input as the element type holds them, so that both backends start from the same. */
const rounded = (input: Input, float: FloatDType, seed: number): TypedArray => {
  const values = input.values(seed)
  if (input.kind === "int32") return Int32Array.from(values)
  return float === "float32" ? Float32Array.from(values) : Float64Array.from(values)
}

const dtypeFor = (kind: Kind, float: FloatDType): DType => (kind === "int32" ? "int32" : float)

interface Result {
  readonly outputs: ReadonlyArray<TypedArray>
  readonly inputsAfter: ReadonlyArray<TypedArray>
}

/** Runs a case on a backend; everything it made is released again. */
const runCase = (kernels: Kernels, one: Case, data: ReadonlyArray<TypedArray>, float: FloatDType) =>
  Effect.gen(function* () {
    const inputs = one.inputs.map((input, i): TensorValue => {
      const dtype = dtypeFor(input.kind, float)
      return { shape: input.shape, dtype, storage: new Storage(kernels.upload(data[i], dtype)) }
    })
    const outputs = one.run(kernels, inputs, float).map(({ shape, kind, buffer }): TensorValue => {
      return { shape, dtype: dtypeFor(kind, float), storage: new Storage(buffer) }
    })
    const result: Result = {
      outputs: yield* Effect.forEach(outputs, (x) => kernels.download(x)),
      inputsAfter: yield* Effect.forEach(inputs, (x) => kernels.download(x))
    }
    for (const x of [...outputs, ...inputs]) kernels.release(x.storage.buffer)
    return result
  })

const requireClose = (
  what: string,
  actual: TypedArray,
  expected: TypedArray,
  allowed: number,
  scale?: number
): void => {
  assert.strictEqual(actual.length, expected.length, `${what}: count of elements`)
  const difference = relativeDifference(actual, expected, scale)
  if (!(difference <= allowed)) {
    const at = expected.findIndex((value, i) => !(Math.abs(actual[i] - value) <= allowed * Math.abs(value)))
    assert.fail(
      `${what}: relative error ${difference}, allowed ${allowed}; ` +
        `element ${at} is ${actual[at]}, expected ${expected[at]}`
    )
  }
}

/** Chai's deep equality takes a microsecond a number. */
const sameNumbers = (a: TypedArray, b: TypedArray): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]))

interface Expectation {
  readonly data: ReadonlyArray<TypedArray>
  readonly result: Result
}

const expectations = { float32: new Map<Case, Expectation>(), float64: new Map<Case, Expectation>() }

/** The inputs of a case, and what the reference kernels make of them in float64: computed once for all backends. */
const expected = (one: Case, float: FloatDType) =>
  Effect.gen(function* () {
    const known = expectations[float].get(one)
    if (known !== undefined) return known
    const data = one.inputs.map((input, i) => rounded(input, float, 17 + i))
    const expectation = { data, result: yield* runCase(yield* Backend, one, data, "float64") }
    expectations[float].set(one, expectation)
    return expectation
  }).pipe(Effect.provide(Mock.layer()))

const checkCase = (kernels: Kernels, one: Case, float: FloatDType, allowed: number) =>
  Effect.gen(function* () {
    const { data, result: right } = yield* expected(one, float)
    const before = kernels.live()
    const actual = yield* runCase(kernels, one, data, float)
    assert.deepStrictEqual(kernels.live(), before, `${one.name}: live buffers`)
    assert.strictEqual(actual.outputs.length, right.outputs.length)
    actual.outputs.forEach((values, i) => {
      const exact = values instanceof Int32Array
      requireClose(`${one.name}, output ${i}`, values, right.outputs[i], exact ? 0 : allowed, one.scale)
    })
    actual.inputsAfter.forEach((values, i) => {
      if (one.updated?.includes(i))
        requireClose(`${one.name}, updated input ${i}`, values, right.inputsAfter[i], allowed)
      else assert.isTrue(sameNumbers(values, data[i]), `${one.name}: input ${i} was written to`)
    })
  })

/** The loss of a small transformer, and its gradients by name. */
const transformerGradients = (dtype: FloatDType) =>
  Effect.scoped(
    Effect.gen(function* () {
      const model = yield* transformer(dtype)
      const { value, gradients } = yield* compute((t) =>
        t.valueAndGradients(model.parameters, () => ({ value: transformerLoss(t, model) }))
      )
      const read: Record<string, TypedArray> = { value: yield* Tensor.toArray(value) }
      for (const [name, x] of Object.entries(gradients)) read[name] = yield* Tensor.toArray(x)
      return read
    })
  )

/** Indices that a kernel must refuse, whichever backend it runs on. */
const outside: ReadonlyArray<readonly [string, (t: Operations) => unknown]> = [
  ["gather above", (t) => t.gather(t.full([3, 2], 1), t.full([4], 3, "int32"))],
  ["gather below", (t) => t.gather(t.full([3, 2], 1), t.full([4], -1, "int32"))],
  ["gather from nothing", (t) => t.gather(t.full([0, 2], 1), t.full([1], 0, "int32"))],
  ["segmentSum above", (t) => t.segmentSum(t.full([4, 2], 1), t.full([4], 3, "int32"), 3)],
  ["segmentSum below", (t) => t.segmentSum(t.full([4, 2], 1), t.full([4], -1, "int32"), 3)],
  ["crossEntropy above", (t) => t.crossEntropy(t.full([2, 5], 1), t.full([2], 5, "int32"))]
]

/**
 * Declares a suite that runs every kernel of the vocabulary on a backend, in each of its floating-point types, against the
 * reference kernels in float64 on the same numbers. It also shows that inputs are not written to and that what is
 * released is given back.
 */
export const conformance = (
  name: string,
  backend: Layer.Layer<Backend, BackendUnavailable>,
  dtypes: ReadonlySet<DType>,
  tolerance: Tolerance
): void => {
  withLayer(backend)(name, (it) => {
    for (const float of ["float32", "float64"] as const) {
      if (!dtypes.has(float)) {
        it.effect.skip(`its kernels in ${float}, which it does not have`, () => Effect.void)
        continue
      }
      for (const [kernel, group] of casesOf) {
        it.effect(`${kernel} in ${float}`, () =>
          Effect.gen(function* () {
            const kernels = yield* Backend
            for (const one of group) yield* checkCase(kernels, one, float, tolerance[float])
          })
        )
      }

      it.effect(`the gradients of a transformer in ${float}`, () =>
        Effect.gen(function* () {
          const kernels = yield* Backend
          const before = kernels.live()
          const actual = yield* transformerGradients(float)
          const expected = yield* Effect.provide(transformerGradients("float64"), Mock.layer())
          // A product of a dozen kernels: each adds its rounding.
          for (const [name, values] of Object.entries(expected))
            requireClose(name, actual[name], values, 10 * tolerance[float])
          assert.deepStrictEqual(kernels.live(), before)
        })
      )
    }

    const hasBoth = dtypes.has("float32") && dtypes.has("float64")
    it.effect.skipIf(!hasBoth)("casts between its floating-point types", () =>
      Effect.gen(function* () {
        const values = [0.1, -1e10, 1e-40, Number.NaN, -Infinity, 1 / 3, 2 ** 25 + 1, 0, 5]
        const x = yield* Tensor.fromArray(values, [3, 3], "float64")
        const [single, double] = yield* compute((t) => {
          const single = t.cast(x, "float32")
          return [single, t.cast(single, "float64")]
        })
        assert.deepStrictEqual(yield* Tensor.toArray(single), Float32Array.from(values))
        assert.deepStrictEqual(yield* Tensor.toArray(double), Float64Array.from(Float32Array.from(values)))
      })
    )

    it.effect.each(factorizationChecks)("the %s of its factorizations", ([, check]) =>
      Effect.map(Backend, (kernels) => check(kernels.factorizations))
    )

    it.effect.each(outside)("an index outside is a ShapeError and leaves nothing live: %s", ([, body]) =>
      Effect.gen(function* () {
        const kernels = yield* Backend
        const before = kernels.live()
        const error = yield* Effect.flip(compute(body))
        assert.instanceOf(error, ShapeError)
        assert.deepStrictEqual(kernels.live(), before)
      })
    )

    it.effect("a teacher that excludes a class diverges by the others, one that is NaN by NaN", () =>
      Effect.gen(function* () {
        const student = yield* Tensor.full([2, 3], 0)
        const teacher = yield* Tensor.fromArray([0, 0, -Infinity, 0, Number.NaN, 0], [2, 3])
        const [excluding, broken] = yield* Effect.flatMap(
          compute((t) => t.divergence(student, teacher)),
          Tensor.toArray
        )
        assert.closeTo(excluding, Math.log(1.5), 1e-6)
        assert.isNaN(broken)
      })
    )

    it.effect("uploads and downloads copies", () =>
      Effect.gen(function* () {
        const numbers = Float64Array.of(1, 2, 3)
        const x = yield* Tensor.fromArray(numbers)
        numbers[0] = 9
        const copy = yield* Tensor.toArray(x)
        copy[1] = 9
        assert.deepStrictEqual([...(yield* Tensor.toArray(x))], [1, 2, 3])
        const wide = yield* Tensor.fromArray(new Float64Array(12).subarray(4, 7).fill(5))
        assert.deepStrictEqual([...(yield* Tensor.toArray(wide))], [5, 5, 5])
      })
    )

    it.effect("counts what is live, to the byte of the elements at least", () =>
      Effect.gen(function* () {
        const kernels = yield* Backend
        const before = kernels.live()
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Tensor.full([10], 1)
            const during = kernels.live()
            assert.strictEqual(during.buffers, before.buffers + 1)
            const bytes = kernels.defaultFloat === "float64" ? 80 : 40
            assert.isAtLeast(during.bytes, before.bytes + bytes)
          })
        )
        assert.deepStrictEqual(kernels.live(), before)
      })
    )

    it.effect("gives the same results again, out of memory that was used before", () =>
      Effect.gen(function* () {
        const kernels = yield* Backend
        const float = kernels.defaultFloat
        for (const one of cases) {
          if (one.inputs.some(({ shape }) => shape.includes(307))) continue
          yield* checkCase(kernels, one, float, tolerance[float])
        }
      })
    )
  })
}
