import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer } from "effect"
import { runStudy } from "../../../src/TetraOpt/study/Run.ts"
import { openStudy } from "../../../src/TetraOpt/study/Study.ts"
import { tetra } from "../../../src/TetraOpt/index.ts"
import { bowl, bowlSpace, common } from "./bowl.ts"

// node StudyProcess.ts JOURNAL TRIALS CONCURRENCY [WRITE PART]: runs a study, says "evaluated N" before each evaluation, and kills itself
// at the WRITE-th write to the journal: before it, when half of the bytes are out, or right after it.

const [journal, trials, concurrency, write, part] = process.argv.slice(2)
const fatal = write === undefined ? Number.POSITIVE_INFINITY : Number(write)

const kill = Effect.suspend(() => {
  process.kill(process.pid, "SIGKILL")
  return Effect.never
})

const layerFatal = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (real) => {
    let writes = 0
    const withKill = (file: FileSystem.File): FileSystem.File => ({
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      stat: file.stat,
      seek: (offset, from) => file.seek(offset, from),
      sync: file.sync,
      read: (buffer, options) => file.read(buffer, options),
      readAlloc: (size, options) => file.readAlloc(size, options),
      truncate: (length) => file.truncate(length),
      write: (buffer) => file.write(buffer),
      writeAll: (buffer) =>
        Effect.suspend(() => {
          if (++writes < fatal) return file.writeAll(buffer)
          const out = part === "before" ? 0 : part === "half" ? buffer.length >> 1 : buffer.length
          return Effect.andThen(file.writeAll(buffer.subarray(0, out)), kill)
        })
    })
    return FileSystem.FileSystem.of({
      ...real,
      open: (path, options) => Effect.map(real.open(path, options), withKill)
    })
  })
).pipe(Layer.provideMerge(NodeServices.layer))

Effect.gen(function* () {
  const study = yield* openStudy({ ...common, sampler: tetra, space: yield* bowlSpace, journal })
  yield* runStudy(
    study,
    (configuration, { number }) =>
      Console.log(`evaluated ${number}`).pipe(
        // Where processes share a study each is to have its turn.
        Effect.andThen(Effect.yieldNow),
        Effect.as(number % 5 === 4 ? Number.NaN : bowl(configuration))
      ),
    { trials: Number(trials), concurrency: Number(concurrency) }
  )
  yield* Console.log("ended")
}).pipe(Effect.scoped, Effect.provide(layerFatal), NodeRuntime.runMain)
