import util from "node:util"
import { Effect, type Scope } from "effect"
import { BackendUnavailable } from "../../Tensor/Errors.ts"
import { backendEngine, type TfjsBackend, type TfjsKernel } from "./BackendEngine.ts"
import type { Engine, TensorInfo } from "./Engine.ts"

/** The two packages that bind TensorFlow's C library. */
export type NodePackage = "@tensorflow/tfjs-node" | "@tensorflow/tfjs-node-gpu"

interface NodeBackend extends TfjsBackend {
  readonly isUsingGpuDevice: boolean
  readonly binding: {
    readonly TF_Version: string
    readonly TF_ATTR_TYPE: number
    readonly TF_FLOAT: number
  }
  executeSingleOutput(
    operation: string,
    attributes: ReadonlyArray<{ readonly name: string; readonly type: number; readonly value: number }>,
    inputs: ReadonlyArray<TensorInfo>
  ): TensorInfo
}

interface TfjsModule {
  backend(): object
  getBackend(): string
  getKernelsForBackend(name: string): ReadonlyArray<TfjsKernel & { readonly kernelName: string }>
}

/** tfjs-node 4.22 calls two functions that Node has dropped (util.isArray and util.isNullOrUndefined, gone since Node 23). */
const restoreDroppedFunctions = (): void => {
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined
  })
}

const load = async (name: NodePackage): Promise<TfjsModule> => {
  restoreDroppedFunctions()
  // Its installer's code reads the command line of the program, and stumbles over flags that are not its own.
  const given = process.argv
  process.argv = given.slice(0, 2)
  try {
    const module = (await import(name as string)) as TfjsModule & { readonly default?: TfjsModule }
    // Which of the two a CommonJS package becomes depends on what loads it.
    return module.default ?? module
  } finally {
    process.argv = given
  }
}

/** TensorFlow's power of two float32 tensors: tfjs-node's kernel of that name takes nothing but tensors of tfjs's global engine. */
const power = (backend: NodeBackend): TfjsKernel => ({
  kernelFunc: ({ inputs }) => {
    const { a, b } = inputs as { readonly a: TensorInfo; readonly b: TensorInfo }
    const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding
    return backend.executeSingleOutput("Pow", [{ name: "T", type: TF_ATTR_TYPE, value: TF_FLOAT }], [a, b])
  }
})

/** Why a package could not be loaded, and what to do, from what Node and tfjs-node throw. */
export const whyNotLoaded = (backend: string, name: NodePackage, cause: unknown): BackendUnavailable => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const firstLine = message.split("\n")[0].trim().replace(/\.$/, "")
  if (code === "ERR_MODULE_NOT_FOUND" && message.includes(name))
    return new BackendUnavailable({
      backend,
      reason: `the package ${name} is not installed`,
      remedy: `Install it: npm install ${name}@4.22.0, with its install script allowed`
    })
  if (message.includes("tfjs_binding.node") || code === "ERR_DLOPEN_FAILED")
    return new BackendUnavailable({
      backend,
      reason: `${name} is installed without its native library: ${firstLine}`,
      remedy: `Let its install script run (pnpm approve-builds, npm rebuild ${name}); it downloads TensorFlow's C library`
    })
  return new BackendUnavailable({
    backend,
    reason: `${name} could not be loaded: ${firstLine}`,
    remedy: "Reinstall it, or use another backend"
  })
}

/**
 * TensorFlow's C library as an engine. There is one of it in a process, so that nothing is closed with the scope but the count of what is
 * in use. Reads wait for the library: TensorFlow has no other.
 */
export const nodeEngine = (
  backendName: string,
  name: NodePackage,
  options: { readonly limitBytes?: number; readonly requireGpu: boolean }
): Effect.Effect<Engine, BackendUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const tf = yield* Effect.tryPromise({
      try: () => load(name),
      catch: (cause) => whyNotLoaded(backendName, name, cause)
    })
    const backend = tf.backend() as NodeBackend
    if (options.requireGpu && !backend.isUsingGpuDevice)
      return yield* new BackendUnavailable({
        backend: backendName,
        reason: `TensorFlow ${backend.binding.TF_Version} finds no CUDA device`,
        remedy:
          "It needs an NVIDIA GPU with CUDA 11.2 and cuDNN 8.1 libraries; other GPUs are served by the webgpu backend"
      })
    const kernels = new Map<string, TfjsKernel>(
      tf.getKernelsForBackend("tensorflow").map((one) => [one.kernelName, one])
    )
    kernels.set("Pow", power(backend))
    return backendEngine({
      name: backendName,
      description: `TensorFlow ${backend.binding.TF_Version} on the ${backend.isUsingGpuDevice ? "GPU (CUDA)" : "CPU"}`,
      backend,
      kernel: (kernel) => kernels.get(kernel),
      largestBufferBytes: Infinity,
      limitBytes: options.limitBytes ?? Infinity,
      takeFailure: () => undefined
    })
  })
