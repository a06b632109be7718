import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import { threadId } from "node:worker_threads"
import type { Opened } from "./Record.ts"

/** An opening of a study, and the process that it is of: the owner of trials. */
export type Owner = Pick<Opened, "by" | "host" | "process" | "began" | "thread">

/** The openings of this thread that have not been closed. */
export const openHere = new Set<string>()

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

export const thisProcess = (): Omit<Owner, "by"> => {
  const began = statusOf(process.pid)?.began
  return {
    host: hostname(),
    process: process.pid,
    thread: threadId,
    ...(began === undefined ? {} : { began })
  }
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
export const isAlive = (owner: Owner): boolean => {
  if (owner.host !== hostname() || !exists(owner.process)) return false
  const status = statusOf(owner.process)
  if (status !== undefined) {
    const isSame = owner.began === undefined || owner.began === status.began
    if (status.state === "Z" || !isSame) return false
  }
  // Of this thread it is known.
  return owner.process !== process.pid || owner.thread !== threadId || openHere.has(owner.by)
}
