import type { FloatDType, Kernels } from "../../../src/Tensor/Backend.ts"
import {
  type Buffer,
  type DType,
  type Shape,
  sizeOf,
  Storage,
  type Tensor
} from "../../../src/Tensor/Tensor.ts"
import { randomNumbers } from "../../randomNumbers.ts"

/** `float` stands for the floating-point type that is being tested. */
export type Kind = "float" | "int32"

export interface Input {
  readonly shape: Shape
  readonly kind: Kind
  readonly values: (seed: number) => ArrayLike<number>
}

export interface Output {
  readonly shape: Shape
  readonly kind: Kind
  readonly buffer: Buffer
}

/** One call of a kernel (or of two, where the second needs what the first computed) on given inputs. */
export interface Case {
  readonly kernel: string
  readonly name: string
  readonly inputs: ReadonlyArray<Input>
  readonly run: (kernels: Kernels, inputs: ReadonlyArray<Tensor>, float: FloatDType) => ReadonlyArray<Output>
  /** The magnitude that errors are relative to where all outputs are smaller: they are differences of such numbers. */
  readonly scale?: number
  /** Inputs that the kernel updates in place. */
  readonly updated?: ReadonlyArray<number>
}

export const floats = (shape: Shape, low = -1, high = 1): Input => ({
  shape,
  kind: "float",
  values: (seed) => randomNumbers(sizeOf(shape), seed, low, high)
})

/** Whole numbers in [low, high). */
export const integers = (shape: Shape, low: number, high: number, kind: Kind = "int32"): Input => ({
  shape,
  kind,
  values: (seed) => randomNumbers(sizeOf(shape), seed, low, high).map(Math.floor)
})

export const exactly = (values: ReadonlyArray<number>, shape: Shape = [values.length]): Input => ({
  shape,
  kind: "float",
  values: () => values
})

export const float = (shape: Shape, buffer: Buffer): Output => ({ shape, kind: "float", buffer })
export const int32 = (shape: Shape, buffer: Buffer): Output => ({ shape, kind: "int32", buffer })

export const tensor = (shape: Shape, dtype: DType, buffer: Buffer): Tensor => ({
  shape,
  dtype,
  storage: new Storage(buffer)
})

export const text = (...shapes: ReadonlyArray<Shape>): string =>
  shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ")
