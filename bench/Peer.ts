import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

/** Why a peer did not run; the ratios are then missing. */
export interface PeerAbsent {
  readonly absent: string
}

/**
 * Runs bench/peers/NAME.py on the same work and reads the JSON that it prints. `TESSERAE_PYTHON` names the interpreter
 * (default python3); one without the packages gives `absent` and the reason.
 */
export const runPeer = <Result>(name: string, work: object, timeoutSeconds = 600): Result | PeerAbsent => {
  const script = fileURLToPath(new URL(`./peers/${name}.py`, import.meta.url))
  const child = spawnSync(process.env["TESSERAE_PYTHON"] ?? "python3", [script, JSON.stringify(work)], {
    encoding: "utf8",
    timeout: timeoutSeconds * 1000
  })
  if (child.status !== 0)
    return { absent: (child.error?.message ?? child.stderr).trim().split("\n").at(-1) ?? "unknown" }
  return JSON.parse(child.stdout) as Result
}

export const isAbsent = (peer: object): peer is PeerAbsent => "absent" in peer
