import { Effect, Layer, type Scope } from "effect"
import { Backend } from "../Tensor/Backend.ts"
import { BackendUnavailable } from "../Tensor/Errors.ts"
import { layer as cpu } from "./Cpu.ts"
import { backendEngine, type TfjsBackend, type TfjsKernel } from "./tfjs/BackendEngine.ts"
import type { DeviceFailure, Engine } from "./tfjs/Engine.ts"
import { adaptToSoftware } from "./webgpu/Software.ts"
import { programs } from "./webgpu/Programs.ts"
import { tfjsKernels } from "./tfjs/TfjsKernels.ts"

export interface WebGpuOptions {
  /** Which adapter to prefer where there are several; default "high-performance". */
  readonly powerPreference?: "low-power" | "high-performance"
  /** Whether a driver that has no GPU, but works on the CPU, will do; default "allow". */
  readonly software?: "allow" | "refuse"
  /** Most bytes of buffers in use at a time; default unlimited: WebGPU does not tell how much memory there is. */
  readonly limitBytes?: number
}

const unavailable = (reason: string, remedy: string) =>
  new BackendUnavailable({ backend: "webgpu", reason, remedy })

const packages = ["webgpu", "@tensorflow/tfjs-core@4.22.0", "@tensorflow/tfjs-backend-webgpu@4.22.0"]

const causeText = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const load = async () => {
  const dawn = await import("webgpu")
  // tfjs looks for these in the global scope, where a browser has them.
  for (const [name, value] of Object.entries(dawn.globals))
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true })
  const gpu = dawn.create([])
  if (!("gpu" in navigator)) Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
  const core = await import("@tensorflow/tfjs-core")
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu")
  // Small kernels on the CPU would read synchronously from the device, which only a browser can.
  core.env().set("WEBGPU_CPU_FORWARD", false)
  return { gpu, core, WebGPUBackend }
}

/** Kept for as long as the process lives: Dawn does not survive the collection of an instance whose devices were in use. */
let loaded: ReturnType<typeof load> | undefined

/** What is needed of the packages, which are optional: a program that never asks for a GPU does not load them. */
const loadPackages = Effect.tryPromise({
  try: () => {
    loaded ??= load()
    return loaded
  },
  catch: (cause) => {
    loaded = undefined
    return unavailable(
      `its packages could not be loaded: ${causeText(cause).split("\n")[0]}`,
      `Install them: npm install ${packages.join(" ")}`
    )
  }
})

const noAdapter = () =>
  unavailable(
    "WebGPU finds no adapter: no GPU with a Vulkan, Metal or Direct3D 12 driver",
    "Install the GPU's driver (on Linux also libvulkan1), or name a software one in VK_ICD_FILENAMES, or use another backend"
  )

/** A device of the best adapter, with all that the adapter allows of what tfjs uses. */
const requestDevice = (gpu: GPU, options: WebGpuOptions) =>
  Effect.gen(function* () {
    const adapter = yield* Effect.tryPromise({
      try: () => gpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" }),
      catch: noAdapter
    })
    if (adapter === null) return yield* noAdapter()
    if (adapter.info.isFallbackAdapter && options.software === "refuse")
      return yield* unavailable(
        `the one adapter there is, ${adapter.info.description || adapter.info.vendor}, works on the CPU`,
        "Install a GPU's driver, or use another backend"
      )
    const { limits } = adapter
    const device = yield* Effect.tryPromise({
      try: () =>
        adapter.requestDevice({
          requiredLimits: {
            maxBufferSize: limits.maxBufferSize,
            maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
            maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
            maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
            maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
            maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup
          }
        }),
      catch: (cause) =>
        unavailable(
          `the adapter gives no device: ${causeText(cause)}`,
          "Update the GPU's driver, or use another backend"
        )
    })
    return { adapter, device }
  })

/** WebGPU tells of what went wrong after the call: the first failure since the last question is remembered. */
const watch = (device: GPUDevice): (() => DeviceFailure | undefined) => {
  let lost: DeviceFailure | undefined
  let failure: DeviceFailure | undefined
  void device.lost.then(({ message }) => {
    lost = { kind: "lost", reason: `the device was lost: ${message}` }
  })
  device.addEventListener("uncapturederror", ({ error }) => {
    const kind = error.constructor.name === "GPUOutOfMemoryError" ? "out-of-memory" : "error"
    failure ??= { kind, reason: error.message }
  })
  return () => {
    const found = lost ?? failure
    failure = undefined
    return found
  }
}

/** The engine under the layer, for those who measure it. */
export const webGpuEngine = (
  options: WebGpuOptions = {}
): Effect.Effect<Engine, BackendUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { gpu, core, WebGPUBackend } = yield* loadPackages
    const { adapter, device } = yield* requestDevice(gpu, options)
    const takeFailure = watch(device)
    const backend = yield* Effect.acquireRelease(
      Effect.try({
        try: () => new WebGPUBackend(device, adapter.info),
        catch: (cause) =>
          unavailable(`tfjs cannot use the device: ${causeText(cause)}`, "Use another backend")
      }),
      () => Effect.sync(() => device.destroy())
    )
    const kernels = new Map(
      core.getKernelsForBackend("webgpu").map((one) => [one.kernelName, one as TfjsKernel])
    )
    for (const [name, kernel] of Object.entries(programs)) kernels.set(name, kernel)
    if (adapter.info.isFallbackAdapter) adaptToSoftware(kernels)
    const { vendor, architecture, description } = adapter.info
    const gpuName = [description || vendor, architecture].filter((part) => part !== "").join(", ")
    return backendEngine({
      name: "webgpu",
      description: `WebGPU on ${gpuName}`,
      backend: backend as unknown as TfjsBackend,
      kernel: (name) => kernels.get(name),
      largestBufferBytes: Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize),
      limitBytes: options.limitBytes ?? Infinity,
      takeFailure,
      // tfjs would keep what was read on the host for as long as it is on the device.
      afterRead: (dataId) => {
        const data = backend.tensorMap.get(dataId)
        if (data.resource) (data as { values: unknown }).values = null
      }
    })
  })

/**
 * A GPU through WebGPU (Vulkan, Metal or Direct3D 12): float32 and int32. It needs the packages `webgpu`,
 * `@tensorflow/tfjs-core` and `@tensorflow/tfjs-backend-webgpu`, which are loaded when the layer is built; factorisations are done on
 * the host in float64. Fails with `BackendUnavailable` where a package or an adapter is missing.
 *
 * @example
 *   program.pipe(Effect.scoped, Effect.provide(Layers.webGpu()))
 */
export const layer = (options: WebGpuOptions = {}): Layer.Layer<Backend, BackendUnavailable> =>
  Layer.effect(
    Backend,
    Effect.gen(function* () {
      const engine = yield* webGpuEngine(options)
      const { factorizations } = yield* Backend
      return Backend.of(tfjsKernels(engine, factorizations))
    })
  ).pipe(Layer.provide(cpu()))
