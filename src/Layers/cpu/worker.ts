import { parentPort, workerData } from "node:worker_threads"
import { instantiateKernels } from "../wasm/Kernels.ts"
import { claimParts, control } from "./Control.ts"
import { makeEngine, type NativeProduct } from "./Engine.ts"
import { jobList } from "./Jobs.ts"
import type { WorkerData } from "./Threads.ts"

const spins = 20_000

const { memory, blas } = workerData as WorkerData

/** The native library that calls a BLAS is loaded only where there is one. */
const nativeProduct = async (path: string): Promise<NativeProduct> => {
  const { baseAddress, openBlas } = await import("../host/Blas.ts")
  return { blas: openBlas(path), base: baseAddress(memory) }
}

const engine = makeEngine(
  instantiateKernels(memory),
  blas === undefined ? undefined : await nativeProduct(blas)
)
parentPort?.postMessage("ready")
// The control block lies at the start, where views stay valid when the memory grows.
const words = new Int32Array(memory.buffer)
const numbers = new Float64Array(memory.buffer)

const workOnPart = (left: number): void => {
  try {
    const parts = numbers[control.job + 1]
    const start = control.job + 3
    const values = numbers.slice(start, start + numbers[control.job + 2])
    jobList[numbers[control.job]](engine, parts - left, parts, values)
  } catch {
    // The caller waits for this part: it must hear of the failure rather than wait for ever.
    Atomics.store(words, control.failed, 1)
  }
  Atomics.add(words, control.completed, 1)
  Atomics.notify(words, control.completed)
}

let seen = -1
while (Atomics.load(words, control.stopped) === 0) {
  let sequence = Atomics.load(words, control.sequence)
  for (let i = 0; sequence === seen && i < spins; i++) sequence = Atomics.load(words, control.sequence)
  if (sequence === seen) Atomics.wait(words, control.sequence, seen)
  else {
    seen = sequence
    claimParts(words, workOnPart)
  }
}
