import { Effect } from "effect"
import { type Backend, compute, NumericalError, Tensor, type TensorError } from "../Tensor/index.ts"
import { upload } from "../Tensor/Host.ts"
import { tokenLosses } from "./Forward.ts"
import type { Gpt2 } from "./Gpt2.ts"
import type { EvaluationWindows, PerplexityProtocol } from "./PerplexityProtocol.ts"

export interface PerplexityOptions {
  /** Windows that go through the network together; default as many as make about 2048 tokens. */
  readonly rows?: number | undefined
  /** UTF-8 bytes of the text, for the bits a byte. */
  readonly bytes?: number | undefined
}

export interface PerplexityReport {
  readonly protocol: PerplexityProtocol
  /** exp(natsPerToken) */
  readonly perplexity: number
  /** The protocol's mean loss. */
  readonly natsPerToken: number
  /** All counted losses together, in bits, by the bytes of the text; where these were given. */
  readonly bitsPerByte: number | undefined
  /** Targets that counted. */
  readonly countedTargets: number
  /** Tokens that the network read in a second, a token in two windows twice. */
  readonly tokensPerSecond: number
}

const tokensTogether = 2048

/**
 * The perplexity of a model on a text's windows, which say by which protocol. Takes batch after batch, and can be interrupted between
 * them. Fails with `ShapeError` for windows longer than the model's positions and tokens outside its vocabulary, and with
 * `NumericalError` where a loss is not finite.
 *
 * @example
 *   const windows = yield* evaluationWindows(heldOut.tokens, 128, "sliding")
 *   const report = yield* perplexity(model, windows)
 */
export const perplexity = Effect.fn("Model.perplexity")(function* (
  model: Gpt2,
  windows: EvaluationWindows,
  options: PerplexityOptions = {}
): Effect.fn.Return<PerplexityReport, TensorError, Backend> {
  const { protocol, context, count, countedTargets } = windows
  const rows = options.rows ?? Math.max(1, Math.floor(tokensTogether / context))
  const lossSums = new Float64Array(count)
  let milliseconds = 0
  for (let first = 0; first < count; first += rows) {
    yield* Effect.yieldNow
    const start = performance.now()
    lossSums.set(yield* windowLosses(model, windows, first, rows), first)
    milliseconds += performance.now() - start
  }
  const wrong = lossSums.findIndex((sum) => !Number.isFinite(sum))
  if (wrong >= 0)
    return yield* new NumericalError({
      operation: "perplexity",
      reason: `the loss of window ${wrong} of ${count} is ${lossSums[wrong]}`
    })
  const natsPerToken = windows.meanLoss(lossSums)
  const bits = lossSums.reduce((total, sum) => total + sum, 0) / Math.LN2
  return {
    protocol,
    perplexity: Math.exp(natsPerToken),
    natsPerToken,
    bitsPerByte: options.bytes === undefined ? undefined : bits / options.bytes,
    countedTargets,
    tokensPerSecond: (1000 * count * context) / milliseconds
  }
})

/** The sums of the counted losses of windows `first` to `first + rows`. */
const windowLosses = (model: Gpt2, windows: EvaluationWindows, first: number, rows: number) => {
  const batch = windows.batch(first, rows)
  return Effect.scoped(
    Effect.flatMap(
      compute((t) => {
        const shape = [batch.rows, batch.context]
        const inputs = upload(t.region, batch.inputs, shape)
        const targets = upload(t.region, batch.targets, shape)
        return t.sum(tokenLosses(t, model, inputs, targets), { axes: [1] })
      }),
      Tensor.toArray
    )
  )
}
