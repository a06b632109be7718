import { Worker } from "node:worker_threads"
import { isTensorError, KernelError } from "../../Tensor/Errors.ts"
import type { Blas } from "../host/Blas.ts"
import { claimParts, control } from "./Control.ts"
import type { Engine } from "./Job.ts"
import { type JobName, jobNumber, jobs } from "./Jobs.ts"
import type { Memory } from "./Memory.ts"

export interface WorkerData {
  readonly memory: WebAssembly.Memory
  readonly blas: string | undefined
}

/** Looks at a completed count before sleeping on it. */
const spins = 4_000
/** Parts for each thread where there is work enough, so that a thread that is held up holds up little. */
const partsPerThread = 4
const mostThreads = 64
/** Most parts of a job, whatever the count of threads. */
export const mostParts = partsPerThread * mostThreads

/**
 * Worker threads that share the memory. A job is cut into parts that do not depend on each other; the calling thread and
 * the workers claim them one by one (see `control`), so that work is done at once even where no worker is awake. Workers
 * spin for some 50 us before they sleep: the kernels of a training step, a few microseconds apart, find them awake. They
 * start with the first job worth sharing, and do not keep the process alive.
 */
export class Threads {
  readonly count: number
  readonly #memory: Memory
  readonly #engine: Engine
  readonly #blas: Blas | undefined
  #workers: Array<Worker> = []
  #stopped = false

  constructor(count: number, memory: Memory, engine: Engine, blas: Blas | undefined) {
    this.count = Math.max(1, Math.min(count, mostThreads))
    this.#memory = memory
    this.#engine = engine
    this.#blas = blas
  }

  /** Workers there are: none before the first shared job and after `stop`. */
  get started(): number {
    return this.#workers.length
  }

  #start(): void {
    const here = import.meta.url
    const file = new URL(here.endsWith(".ts") ? "./worker.ts" : "./worker.js", here)
    for (let index = 1; index < this.count; index++) {
      const workerData: WorkerData = { memory: this.#memory.memory, blas: this.#blas?.path }
      const worker = new Worker(file, { workerData, execArgv: [] })
      // The process may end once the worker is set up: torn down while it loads a native library, it would abort.
      worker.once("message", () => {
        if (!this.#stopped) worker.unref()
      })
      // A worker that cannot start leaves its parts to the others.
      worker.on("error", () => {})
      this.#workers.push(worker)
    }
  }

  /** How many parts are worth their while for so much work that can be cut into `most` pieces. */
  parts(work: number, grain: number, most = mostParts, perThread = partsPerThread): number {
    if (this.count === 1 || work < 2 * grain) return 1
    return Math.max(1, Math.min(perThread * this.count, Math.floor(work / grain), most))
  }

  /** Returns when all parts are done; `KernelError` where one failed, and then too nothing of the job still runs. */
  run(name: JobName, parts: number, values: ReadonlyArray<number>): void {
    let failure: unknown
    const work = (part: number) => {
      try {
        jobs[name](this.#engine, part, parts, values)
      } catch (cause) {
        failure ??= cause
      }
    }
    if (parts === 1) work(0)
    else if (this.#share(name, parts, values, work))
      failure ??= new Error("a worker thread could not do its part")
    if (failure === undefined) return
    if (isTensorError(failure)) throw failure
    const reason = failure instanceof Error ? failure.message : String(failure)
    throw new KernelError({ backend: "cpu", kernel: name, reason })
  }

  /** Whether a worker failed. */
  #share(name: JobName, parts: number, values: ReadonlyArray<number>, work: (part: number) => void): boolean {
    if (this.#workers.length === 0 && !this.#stopped) this.#start()
    const { int32, float64 } = this.#memory
    float64[control.job] = jobNumber[name]
    float64[control.job + 1] = parts
    float64[control.job + 2] = values.length
    for (let i = 0; i < values.length; i++) float64[control.job + 3 + i] = values[i]
    Atomics.store(int32, control.completed, 0)
    Atomics.store(int32, control.unclaimed, parts)
    Atomics.add(int32, control.sequence, 1)
    Atomics.notify(int32, control.sequence)
    claimParts(int32, (left) => {
      work(parts - left)
      Atomics.add(int32, control.completed, 1)
    })
    this.#awaitParts(int32, parts)
    return Atomics.exchange(int32, control.failed, 0) !== 0
  }

  #awaitParts(words: Int32Array, parts: number): void {
    for (let looks = 0; ; looks++) {
      const completed = Atomics.load(words, control.completed)
      if (completed === parts) return
      // The processor may be what the worker is waiting for.
      if (looks > spins) Atomics.wait(words, control.completed, completed, 1)
    }
  }

  /**
   * Ends the workers; jobs that still come are done by the calling thread. They end by themselves: terminated while it loads a
   * native library, a worker would take the process with it.
   */
  async stop(): Promise<void> {
    this.#stopped = true
    const workers = this.#workers
    this.#workers = []
    const { int32 } = this.#memory
    Atomics.store(int32, control.stopped, 1)
    Atomics.add(int32, control.sequence, 1)
    Atomics.notify(int32, control.sequence)
    await Promise.all(workers.map(ended))
  }
}

const ended = (worker: Worker): Promise<void> =>
  new Promise((resolve) => {
    // It may have ended already: then its number is -1, and no event comes.
    if (worker.threadId === -1) return resolve()
    worker.once("exit", () => resolve())
    worker.ref()
  })
