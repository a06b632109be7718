import { spawn, spawnSync } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

/** Where PostgreSQL's programs are: Debian does not put them on the path. */
const programs = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = existsSync(debian) ? readdirSync(debian) : []
  return [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env.PATH ?? "").split(":")
  ].find((directory) => existsSync(join(directory, "initdb")) && existsSync(join(directory, "postgres")))
}

const directory = programs()

/** Who the server may run as: it refuses to be root. */
const user = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = ["-u", "-g"].map((flag) =>
    Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout)
  )
  return uid > 0 ? { uid, gid } : { uid: 65534, gid: 65534 }
}

export const hasPostgres = directory !== undefined

/** A port that was free a moment ago. */
export const freePort = Effect.promise<number>(
  () =>
    new Promise((resolve, reject) => {
      const server = createServer()
      server.on("error", reject)
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
)

/** A server of its own, with an empty database, for as long as the scope lasts; gives the database's address. */
export const postgres = Effect.gen(function* () {
  const bin = directory ?? ""
  const owner = user()
  const home = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const path = mkdtempSync(join(tmpdir(), "tesserae-postgres-"))
      if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
      return path
    }),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const data = join(home, "data")
  const made = spawnSync(join(bin, "initdb"), ["-D", data, "-U", "tesserae", "-A", "trust", "--no-sync"], {
    ...owner,
    cwd: home,
    encoding: "utf8"
  })
  if (made.status !== 0) return yield* Effect.die(new Error(made.stderr))
  const port = yield* freePort
  yield* Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<ReturnType<typeof spawn>>((resolve, reject) => {
          const words = ["-D", data, "-p", String(port), "-k", home, "-c", "listen_addresses=127.0.0.1", "-F"]
          const server = spawn(join(bin, "postgres"), words, {
            ...owner,
            cwd: home,
            stdio: ["ignore", "ignore", "pipe"]
          })
          let text = ""
          server.stderr.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk
            if (text.includes("ready to accept connections")) resolve(server)
          })
          server.on("error", reject)
          server.on("exit", () => reject(new Error(text)))
        })
    ),
    (server) =>
      Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            server.on("exit", () => resolve())
            // An immediate shutdown: nothing is kept.
            server.kill("SIGQUIT")
          })
      )
  )
  return `postgres://tesserae@127.0.0.1:${port}/postgres`
})
