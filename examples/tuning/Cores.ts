import { availableParallelism } from "node:os"

export const cores = availableParallelism()

/** The environment of worker threads that share the cores: each computes with its part of them. */
export const threadsEach = (workers: number): Readonly<Record<string, string | undefined>> => ({
  ...process.env,
  TESSERAE_THREADS: process.env.TESSERAE_THREADS ?? String(Math.max(1, Math.floor(cores / workers)))
})
