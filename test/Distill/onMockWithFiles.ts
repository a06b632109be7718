import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Path, type Scope } from "effect"
import type { MockControls } from "../../src/Layers/Mock.ts"
import type { Backend } from "../../src/Tensor/index.ts"
import { onMock } from "../Layers/onMock.ts"

/** `onMock`, with the file system there is. */
export const onMockWithFiles = <A, E>(
  program: Effect.Effect<A, E, Backend | MockControls | NodeServices.NodeServices | Scope.Scope>
): Effect.Effect<A, E> => onMock(Effect.provide(program, NodeServices.layer))

/** A path for a checkpoint in a directory that goes with the scope. */
export const temporaryPath = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  return join(yield* fileSystem.makeTempDirectoryScoped(), "run.safetensors")
})
