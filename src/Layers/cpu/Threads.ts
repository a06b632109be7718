import { Worker } from "node:worker_threads"
import { KernelError } from "../../Tensor/Errors.ts"
import type { Blas } from "../host/Blas.ts"
import { type Engine, type JobName, jobNumber, jobs } from "./Jobs.ts"
import type { Memory } from "./Memory.ts"

/**
 * The control block at the start of the shared memory, in int32 words; the job itself follows as float64 words. Parts are
 * claimed by adding to `next`, which is `closed` between jobs, so that a worker that comes late can claim nothing: while a
 * part is claimed and not completed its job cannot end, and so the description that the worker reads is of that job.
 */
export const control = {
  sequence: 1,
  failed: 2,
  next: 3,
  completed: 4,
  /** In float64 words: job number, parts, count, then the values. */
  job: 128
} as const

export const closed = 1 << 20

export interface WorkerData {
  readonly memory: WebAssembly.Memory
  readonly blas: string | undefined
}

/** Looks at a completed count before sleeping on it. */
const spins = 4_000
/** Parts for each thread where there is work enough, so that a thread that is held up holds up little. */
const partsPerThread = 4
const mostThreads = 64

/**
 * Worker threads that share the memory. A job is cut into parts that do not depend on each other; the calling thread and
 * the workers claim them one by one, so that work is done at once even where no worker is awake. Workers spin for some
 * 50 us before they sleep: the kernels of a training step, a few microseconds apart, find them awake. They start with
 * the first job worth sharing.
 */
export class Threads {
  readonly count: number
  readonly #memory: Memory
  readonly #engine: Engine
  readonly #blas: Blas | undefined
  #workers: Array<Worker> = []

  constructor(count: number, memory: Memory, engine: Engine, blas: Blas | undefined) {
    this.count = Math.max(1, Math.min(count, mostThreads))
    this.#memory = memory
    this.#engine = engine
    this.#blas = blas
    memory.int32[control.next] = closed
  }

  #start(): void {
    const here = import.meta.url
    const file = new URL(here.endsWith(".ts") ? "./worker.ts" : "./worker.js", here)
    for (let index = 1; index < this.count; index++) {
      const workerData: WorkerData = { memory: this.#memory.memory, blas: this.#blas?.path }
      const worker = new Worker(file, { workerData, execArgv: [] })
      worker.unref()
      // A worker that cannot start leaves its parts to the others.
      worker.on("error", () => {})
      this.#workers.push(worker)
    }
  }

  /** How many parts are worth their while for so much work. */
  parts(work: number, grain: number): number {
    if (this.count === 1 || work < 2 * grain) return 1
    return Math.min(partsPerThread * this.count, Math.floor(work / grain))
  }

  run(name: JobName, parts: number, values: ReadonlyArray<number>): void {
    const job = jobs[name]
    if (parts === 1) {
      job(this.#engine, 0, 1, values)
      return
    }
    if (this.#workers.length === 0) this.#start()
    const { int32, float64 } = this.#memory
    float64[control.job] = jobNumber[name]
    float64[control.job + 1] = parts
    float64[control.job + 2] = values.length
    for (let i = 0; i < values.length; i++) float64[control.job + 3 + i] = values[i]
    Atomics.store(int32, control.completed, 0)
    Atomics.store(int32, control.next, 0)
    Atomics.add(int32, control.sequence, 1)
    Atomics.notify(int32, control.sequence)
    for (
      let part = Atomics.add(int32, control.next, 1);
      part < parts;
      part = Atomics.add(int32, control.next, 1)
    ) {
      job(this.#engine, part, parts, values)
      Atomics.add(int32, control.completed, 1)
    }
    this.#awaitParts(int32, parts)
    Atomics.store(int32, control.next, closed)
    if (Atomics.exchange(int32, control.failed, 0) !== 0)
      throw new KernelError({ backend: "cpu", kernel: name, reason: "a worker thread could not do its part" })
  }

  #awaitParts(words: Int32Array, parts: number): void {
    for (let looks = 0; ; looks++) {
      const completed = Atomics.load(words, control.completed)
      if (completed === parts) return
      // The processor may be what the worker is waiting for.
      if (looks > spins) Atomics.wait(words, control.completed, completed, 1)
    }
  }

  stop(): void {
    for (const worker of this.#workers) void worker.terminate()
    this.#workers = []
  }
}
