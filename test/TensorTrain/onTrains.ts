import { Effect, Schema, type Scope } from "effect"
import type { MockControls } from "../../src/Layers/index.ts"
import { key, stream } from "../../src/Random/index.ts"
import type { Backend } from "../../src/Tensor/index.ts"
import { TensorTrain, TensorTrains } from "../../src/TensorTrain/index.ts"
import { onMock } from "../Layers/onMock.ts"

/** Runs a program with the service on a mock, which must be left without a live buffer. */
export const onTrains = <A, E>(
  program: Effect.Effect<A, E, TensorTrains | Backend | MockControls | Scope.Scope>
): Effect.Effect<A, E> => onMock(Effect.provide(program, TensorTrains.layer))

export const Size = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** One to five modes of one to four. */
export const Modes = Schema.Array(Size(1, 4)).check(Schema.isMinLength(1), Schema.isMaxLength(5))

export const Seed = Size(0, 1_000_000)

export const normals = (seed: number, length: number): Float64Array => {
  const values = new Float64Array(length)
  stream(key(seed)).fillNormal(values)
  return values
}

export const sizeOf = (modes: ReadonlyArray<number>): number => modes.reduce((all, size) => all * size, 1)

/** A dense tensor with elements from 1 down to 1e-8, so that truncations have something to choose from. */
export const graded = (seed: number, modes: ReadonlyArray<number>): Float64Array => {
  const random = stream(key(seed))
  return new Float64Array(sizeOf(modes)).map(() => random.normal() * 10 ** (-8 * random.uniform()))
}

/** The index rows [size, d] of all elements, row-major. */
export const allIndices = (modes: ReadonlyArray<number>): Int32Array => {
  const indices = new Int32Array(sizeOf(modes) * modes.length)
  for (let element = 0; element < sizeOf(modes); element++) {
    let rest = element
    for (let k = modes.length - 1; k >= 0; k--) {
      indices[element * modes.length + k] = rest % modes[k]
      rest = Math.floor(rest / modes[k])
    }
  }
  return indices
}

/** The elements by the definition: a sum over all paths through the ranks. */
export const byDefinition = ({ modes, ranks, cores }: TensorTrain): Float64Array => {
  const indices = allIndices(modes)
  return new Float64Array(sizeOf(modes)).map((_, element) => {
    let row = [1]
    for (let k = 0; k < modes.length; k++) {
      const index = indices[element * modes.length + k]
      row = Array.from({ length: ranks[k + 1] }, (_, s) =>
        row.reduce((sum, value, p) => sum + value * cores[k][(p * modes[k] + index) * ranks[k + 1] + s], 0)
      )
    }
    return row[0]
  })
}

export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let squares = 0
  for (let e = 0; e < a.length; e++) squares += (a[e] - b[e]) ** 2
  return Math.sqrt(squares)
}

export const lengthOf = (a: ArrayLike<number>): number => distance(a, new Float64Array(a.length))

/** ||core coreᵀ - 1||, the largest element: 0 where core [rows, width] has orthonormal rows. */
export const skewness = (core: Float64Array, rows: number): number => {
  const width = core.length / rows
  let worst = 0
  for (let p = 0; p < rows; p++)
    for (let q = 0; q <= p; q++) {
      let product = p === q ? -1 : 0
      for (let j = 0; j < width; j++) product += core[p * width + j] * core[q * width + j]
      worst = Math.max(worst, Math.abs(product))
    }
  return worst
}
