import { Effect, type Layer, type Scope } from "effect"
import { describe, expect, test } from "tstyche"
import { cpu, mock, type MockControls } from "../../src/Layers/index.ts"
import {
  type Backend,
  type BackendUnavailable,
  compute,
  LinAlg,
  type Operations,
  Tensor,
  type TensorError,
  type UseAfterFree
} from "../../src/Tensor/index.ts"

describe("compute", () => {
  test("gives what its body returns, fails with a tensor error, needs a backend and a scope", () => {
    expect(compute((t) => t.full([2], 1))).type.toBe<
      Effect.Effect<Tensor, TensorError, Backend | Scope.Scope>
    >()
    expect(compute((t) => ({ sum: t.sum(t.full([2], 1)), count: 2 }))).type.toBe<
      Effect.Effect<{ sum: Tensor; count: number }, TensorError, Backend | Scope.Scope>
    >()
  })

  test("its errors are caught by tag, one by one", () => {
    const caught = compute((t) => t.full([2], 1)).pipe(
      Effect.catchTag("UseAfterFree", (error) => {
        expect(error).type.toBe<UseAfterFree>()
        return Effect.succeed("freed")
      })
    )
    expect(caught).type.toBe<
      Effect.Effect<Tensor | string, Exclude<TensorError, UseAfterFree>, Backend | Scope.Scope>
    >()
  })
})

describe("operations", () => {
  test("are methods without the region", () => {
    expect<Operations["add"]>().type.toBe<(x: Tensor | number, y: Tensor | number) => Tensor>()
    expect<Parameters<Operations["matmul"]>>().type.toBe<
      [a: Tensor, b: Tensor, transposes?: { readonly transposeA?: boolean; readonly transposeB?: boolean }]
    >()
    expect<Operations>().type.not.toHaveProperty("sumTo")
  })

  test("take tensors and numbers, not arrays", () => {
    const t = {} as Operations
    expect(t.add).type.toBeCallableWith(1, 2)
    expect(t.add).type.not.toBeCallableWith([1, 2], 1)
    expect(t.exp).type.not.toBeCallableWith(1)
    expect(t.cast).type.not.toBeCallableWith({} as Tensor, "float16")
  })

  test("valueAndGradients carries what its body hands out", () => {
    const t = {} as Operations
    const w = {} as Tensor
    const result = t.valueAndGradients({ w }, () => ({ value: w, aux: { hidden: [w] } }))
    expect(result.aux).type.toBe<{ hidden: Array<Tensor> }>()
    expect(result.gradients).type.toBe<Record<string, Tensor>>()
  })
})

describe("reading out", () => {
  test("needs a backend, but no scope", () => {
    expect(Tensor.toNumber({} as Tensor)).type.toBe<Effect.Effect<number, TensorError, Backend>>()
  })

  test("linear algebra gives its factors by name", () => {
    expect(LinAlg.svd({} as Tensor)).type.toBe<
      Effect.Effect<
        { readonly u: Tensor; readonly s: Tensor; readonly vt: Tensor },
        TensorError,
        Backend | Scope.Scope
      >
    >()
  })
})

describe("layers", () => {
  test("the mock cannot fail and also provides its controls; the cpu may be unavailable", () => {
    expect(mock()).type.toBe<Layer.Layer<Backend | MockControls>>()
    expect(cpu()).type.toBe<Layer.Layer<Backend, BackendUnavailable>>()
    expect(cpu).type.not.toBeCallableWith({ engine: "cuda" })
  })

  test("providing one leaves the scope alone to be closed", () => {
    const program = compute((t) => t.full([2], 1))
    expect(program.pipe(Effect.scoped, Effect.provide(mock()))).type.toBe<
      Effect.Effect<Tensor, TensorError>
    >()
    expect(program.pipe(Effect.scoped, Effect.provide(cpu()))).type.toBe<
      Effect.Effect<Tensor, TensorError | BackendUnavailable>
    >()
  })
})
