import type { Effect } from "effect"
import { expect, test } from "tstyche"
import type { InputOf, OutputOf } from "../../src/Layers/Workers.ts"
import {
  type Configuration,
  Parameter,
  type RemoteTrial,
  Space,
  workerTask
} from "../../src/TetraOpt/index.ts"

test("a space's configurations have the types of its parameters", () => {
  const space = Space.make({
    rate: Parameter.float(0, 1),
    kind: Parameter.categorical(["a", "b"]),
    depth: Parameter.conditional(Parameter.int(1, 3), { kind: ["b"] })
  })
  expect<Configuration<Effect.Success<typeof space>>>().type.toBe<{
    readonly rate: number
    readonly kind: "a" | "b"
    readonly depth: number | undefined
  }>()
})

test("a worker's task says what its pool takes and gives", () => {
  const task = workerTask((settings: { readonly x: number }) => {
    throw new Error(String(settings.x))
  })
  expect<InputOf<typeof task>>().type.toBe<RemoteTrial<{ readonly x: number }>>()
  expect<OutputOf<typeof task>>().type.toBe<number>()
})
