import { Config, Effect, Layer } from "effect"
import { Backend } from "../Tensor/Backend.ts"
import { BackendUnavailable } from "../Tensor/Errors.ts"
import { layer as cpu } from "./Cpu.ts"
import { gpu } from "./Gpu.ts"
import { Mock } from "./Mock.ts"
import { layer as webGpu } from "./WebGpu.ts"

/** What `TESSERAE_BACKEND` may name, beside "auto". */
const named = {
  gpu: () => gpu(),
  webgpu: () => webGpu(),
  cpu: () => cpu(),
  mock: () => Mock.layer()
}

type Name = keyof typeof named

const isName = (value: string): value is Name => Object.hasOwn(named, value)

const setting = Config.String("TESSERAE_BACKEND").pipe(
  Config.withDefault("auto"),
  Effect.mapError((error) => wrong(error.message))
)

const wrong = (reason: string) =>
  new BackendUnavailable({
    backend: "auto",
    reason,
    remedy: `Set TESSERAE_BACKEND to auto, ${Object.keys(named).join(", ")}, or unset it`
  })

/** The first that can be built, best first; each that cannot says why. */
const best = Effect.sync(() => {
  const refused: Array<string> = []
  const orElse = (layer: Layer.Layer<Backend, BackendUnavailable>, next: typeof layer): typeof layer =>
    Layer.catchTag(layer, "BackendUnavailable", (error) => {
      refused.push(`${error.backend}: ${error.reason}`)
      return next
    })
  // A software adapter is a CPU, and slower at it than ours.
  const layer = orElse(gpu(), orElse(webGpu({ software: "refuse" }), cpu()))
  return Layer.effect(
    Backend,
    Effect.gen(function* () {
      const kernels = yield* Backend
      const others = refused.map((reason) => ` Not ${reason}.`).join("")
      yield* Effect.logInfo(`Backend ${kernels.name}: ${kernels.description}.${others}`)
      return kernels
    })
  ).pipe(Layer.provide(layer))
})

/**
 * The best backend there is: gpu, then webGpu on a real GPU, then cpu; the choice is made when the layer is built, and logged with the
 * reasons. `TESSERAE_BACKEND` (gpu, webgpu, cpu, mock; default auto) overrides it; what it names must be there. Fails with
 * `BackendUnavailable` where it is not, or names none.
 *
 * @example
 *   program.pipe(Effect.scoped, Effect.provide(Layers.auto))
 */
export const layer: Layer.Layer<Backend, BackendUnavailable> = Layer.unwrap(
  Effect.gen(function* () {
    const asked = yield* setting
    if (asked === "auto") return yield* best
    if (isName(asked)) return named[asked]()
    return yield* wrong(`TESSERAE_BACKEND is "${asked}"`)
  })
)
