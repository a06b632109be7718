import { Effect, Schema } from "effect"
import { ModelEvaluation } from "./Evaluation.ts"
import { PerplexityProtocol } from "./PerplexityProtocol.ts"

/** Records of two models that were not asked the same, and what differs. */
export class EvaluationMismatch extends Schema.TaggedError<EvaluationMismatch>()("EvaluationMismatch", {
  reference: Schema.String,
  candidate: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.candidate} cannot be compared with ${this.reference}: ${this.reason}; evaluate both with the same settings`
  }
}

/** Two models that were asked the same, and what the second is to the first. */
export const SideBySide = Schema.Struct({
  reference: ModelEvaluation,
  candidate: ModelEvaluation,
  /** The candidate's by the reference's. */
  ratios: Schema.Struct({
    storedParameters: Schema.Finite,
    storedBytes: Schema.Finite,
    memoryBytes: Schema.Finite,
    reading: Schema.Finite,
    generating: Schema.Finite,
    perplexities: Schema.Array(Schema.Struct({ protocol: PerplexityProtocol, ratio: Schema.Finite }))
  }),
  /** Null where no last words were guessed. */
  lastWord: Schema.NullOr(
    Schema.Struct({
      /** The candidate's accuracy less the reference's. */
      difference: Schema.Finite,
      /** Of the difference, passage by passage: smaller than that of two separate samples. */
      standardError: Schema.Finite,
      /** Passages that only the one or the other guessed. */
      referenceOnly: Schema.Int,
      candidateOnly: Schema.Int
    })
  )
})
export type SideBySide = typeof SideBySide.Type

/** What a record answers. */
const questionsOf = ({ perplexities, lastWord, generation }: ModelEvaluation) => ({
  perplexities: perplexities.map(({ protocol, context, countedTargets }) => ({
    protocol,
    context,
    countedTargets
  })),
  passages: lastWord?.passages ?? 0,
  prompt: generation.prompt
})

/**
 * A model beside the one it is to be as good as. Fails with `EvaluationMismatch` where the two were read other windows or
 * passages, or given other prompts.
 *
 * @example
 *   const { ratios } = yield* besideReference(yield* evaluateModel(teacher, ...), yield* evaluateModel(student, ...))
 */
export const besideReference = Effect.fnUntraced(function* (
  reference: ModelEvaluation,
  candidate: ModelEvaluation
): Effect.fn.Return<SideBySide, EvaluationMismatch> {
  const [asked, answered] = [questionsOf(reference), questionsOf(candidate)]
  for (const key of ["perplexities", "passages", "prompt"] as const) {
    const [first, second] = [JSON.stringify(asked[key]), JSON.stringify(answered[key])]
    if (first !== second)
      return yield* new EvaluationMismatch({
        reference: reference.name,
        candidate: candidate.name,
        reason: `the ${key} were ${first} for the one and ${second} for the other`
      })
  }
  const ratio = (of: (record: ModelEvaluation) => number) =>
    of(reference) === 0 ? 0 : of(candidate) / of(reference)
  return {
    reference,
    candidate,
    ratios: {
      storedParameters: ratio((record) => record.storedParameters),
      storedBytes: ratio((record) => record.storedBytes),
      memoryBytes: ratio((record) => record.memoryBytes),
      reading: ratio((record) => record.speed.reading),
      generating: ratio((record) => record.speed.generating),
      perplexities: reference.perplexities.map(({ protocol, perplexity }, i) => ({
        protocol,
        ratio: candidate.perplexities[i].perplexity / perplexity
      }))
    },
    lastWord:
      reference.lastWord === null || candidate.lastWord === null
        ? null
        : paired(reference.lastWord.guessed, candidate.lastWord.guessed)
  }
})

/** The mean of the differences 1, 0 and -1, and its standard error (McNemar, 1947). */
const paired = (reference: ReadonlyArray<boolean>, candidate: ReadonlyArray<boolean>) => {
  const n = reference.length
  const referenceOnly = reference.filter((guessed, i) => guessed && !candidate[i]).length
  const candidateOnly = candidate.filter((guessed, i) => guessed && !reference[i]).length
  const difference = (candidateOnly - referenceOnly) / n
  const standardError = Math.sqrt(Math.max(0, (candidateOnly + referenceOnly) / n - difference ** 2) / n)
  return { difference, standardError, referenceOnly, candidateOnly }
}
