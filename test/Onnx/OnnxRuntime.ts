import { Effect } from "effect"

/** onnxruntime, or undefined where it is not installed or has no binary for this machine. */
export const onnxRuntime = await import("onnxruntime-node").catch(() => undefined)

type Runtime = NonNullable<typeof onnxRuntime>
export type Session = Awaited<ReturnType<Runtime["InferenceSession"]["create"]>>

/** A session on an exported file, on one thread, until the scope ends. */
export const openSession = (runtime: Runtime, path: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      // Errors reach us as such; its own log stays quiet.
      runtime.InferenceSession.create(path, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 4
      })
    ),
    (session) => Effect.promise(() => session.release())
  )

/** Logits of tokens [batch, sequence], row-major, and their dimensions. */
export const logitsOf = Effect.fnUntraced(function* (
  runtime: Runtime,
  session: Session,
  tokens: Int32Array,
  shape: readonly [number, number]
) {
  const feeds = { input_ids: new runtime.Tensor("int64", BigInt64Array.from(tokens, BigInt), shape) }
  const { logits } = yield* Effect.promise(() => session.run(feeds))
  return { values: logits.data as Float32Array, shape: logits.dims }
})
