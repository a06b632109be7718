import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import type { Opened } from "./Record.ts"

/** Where and what the process is that owns trials. */
export type Process = Pick<Opened, "host" | "process" | "began">

/** State and start time of a process, from Linux's /proc; undefined elsewhere, and for none. */
const statusOf = (process: number): { readonly state: string; readonly began: string } | undefined => {
  try {
    // The second field, a name in brackets, may have spaces and brackets of its own.
    const text = readFileSync(`/proc/${process}/stat`, "latin1")
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return { state: fields[0], began: fields[19] }
  } catch {
    return undefined
  }
}

export const thisProcess = (): Process => {
  const began = statusOf(process.pid)?.began
  return { host: hostname(), process: process.pid, ...(began === undefined ? {} : { began }) }
}

const exists = (process_: number): boolean => {
  try {
    process.kill(process_, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

/**
 * Whether an owner may still finish its trials. A journal is shared on one machine: one that was written on another has
 * moved, and its processes do not go on here.
 */
export const isAlive = (owner: Process): boolean => {
  if (owner.host !== hostname() || !exists(owner.process)) return false
  const status = statusOf(owner.process)
  if (status === undefined) return true
  return status.state !== "Z" && (owner.began === undefined || owner.began === status.began)
}
