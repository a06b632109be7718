import { Effect } from "effect"
import { codecs, Compress, type Plan, planCounts } from "../../src/Compress/index.ts"
import { adamW, Distill, Schedule } from "../../src/Distill/index.ts"
import {
  evaluationWindows,
  type EvaluationWindows,
  type Gpt2,
  load,
  type ModelConfig,
  perplexity,
  TextSet,
  Tokenizer
} from "../../src/Model/index.ts"
import { fold, type Key } from "../../src/Random/index.ts"
import { Parameter, Space, type TrialContext } from "../../src/TetraOpt/index.ts"
import { shippedModel } from "../corpus/ShippedModel.ts"
import { addresses } from "../corpus/TextFiles.ts"

/** What is tuned: how a GPT-2 whose MLPs are Kronecker sums is brought back towards the original. */
export interface Settings {
  readonly learningRate: number
  /** Of both logits in the divergence. */
  readonly temperature: number
  /** What the divergence from the original counts; the cross-entropy with the text counts the rest. */
  readonly divergence: number
  /** Of each layer's two MLP weights, terms0, terms1, ... */
  readonly [terms: `terms${number}`]: number
}

/** What all trials of a study have in common; plain data, for threads and machines. */
export interface Job {
  /** A directory; left out: the model that comes with the repository, wherever that is on a machine. */
  readonly model?: string
  /** Updates of one trial. */
  readonly steps: number
  /** Share of the original's numbers that the result may store. */
  readonly size: number
}

export const modelOf = ({ model }: Job): string => model ?? shippedModel

const mostTerms = 6
const rows = 4
const context = 128
/** Held-out tokens by which a trial is judged, and as many others by which the best is in the end. */
const judgedTokens = 4000
/** Documents of which the text to distil with is made: enough for a short run, and soon in tokens. */
const documents = 24
/** Of a trial's updates, where it is looked at for the first time. */
const firstLook = 1 / 3

/** Layer by layer the sums of the paper's recipe: (width / 2, hidden / 4) (x) (2, 4), and back, of as many terms as the settings say. */
export const planOf = (settings: Settings, config: ModelConfig.ModelConfig): Plan.Plan => {
  const { n_embd: width, n_layer: layers } = config
  const weights: Record<string, Plan.WeightPlan> = {}
  for (let layer = 0; layer < layers; layer++) {
    const common = { format: "kronecker", terms: settings[`terms${layer}`], permute: "none" } as const
    weights[`h.${layer}.mlp.c_fc`] = { ...common, left: [2, 4], right: [width / 2, width] }
    weights[`h.${layer}.mlp.c_proj`] = { ...common, left: [4, 2], right: [width, width / 2] }
  }
  return { version: 1, stages: [{ name: "MLPs", weights }] }
}

/** Numbers that the model stores before anything is replaced. */
export const originalNumbers = (config: ModelConfig.ModelConfig): number =>
  planCounts({ version: 1, stages: [{ name: "none", weights: {} }] }, config).stored

/** The settings to search among: those whose result is small enough. */
export const settingsSpace = ({ size }: Job, config: ModelConfig.ModelConfig, original: number) =>
  Space.make(
    {
      learningRate: Parameter.float(3e-4, 3e-2, { scale: "log" }),
      temperature: Parameter.float(1, 4),
      divergence: Parameter.float(0, 1),
      ...Object.fromEntries(
        Array.from({ length: config.n_layer }, (_, layer) => [`terms${layer}`, Parameter.int(1, mostTerms)])
      )
    },
    [
      {
        name: `at most ${size} of the numbers`,
        holds: (settings) =>
          planCounts(planOf(settings as Settings, config), config).stored <= size * original
      }
    ]
  ).pipe(Effect.map((space): Space<Settings> => space))

/** The settings that one would begin with: the recipe's, its terms shared out evenly. */
export const usualSettings = ({ size }: Job, config: ModelConfig.ModelConfig, original: number): Settings => {
  const withTerms = (terms: number): Settings => ({
    learningRate: 3e-3,
    temperature: 2,
    divergence: 0.5,
    ...Object.fromEntries(Array.from({ length: config.n_layer }, (_, layer) => [`terms${layer}`, terms]))
  })
  let terms = mostTerms
  while (terms > 1 && planCounts(planOf(withTerms(terms), config), config).stored > size * original) terms--
  return withTerms(terms)
}

/** What is loaded once for all trials of a thread. */
export interface Materials {
  readonly job: Job
  readonly original: Gpt2
  readonly windows: TextSet.TrainingWindows
  readonly validation: EvaluationWindows
  readonly test: EvaluationWindows
}

export const prepare = Effect.fnUntraced(function* (job: Job) {
  const original = yield* load(modelOf(job), codecs)
  const tokenizer = yield* Tokenizer.read(modelOf(job))
  const { training, heldOut } = addresses()
  const every = Math.ceil(training.length / documents)
  const text = yield* TextSet.make(
    training.filter((_, i) => i % every === 0),
    tokenizer
  )
  const halves = [0, 1].map((half) => heldOut.filter((_, i) => i % 2 === half))
  const [validation, test] = yield* Effect.forEach(halves, (half) =>
    Effect.flatMap(TextSet.make(half, tokenizer), ({ tokens }) =>
      evaluationWindows(TextSet.excerpt(tokens, judgedTokens), context)
    )
  )
  const materials: Materials = {
    job,
    original,
    windows: yield* TextSet.trainingWindows(text.tokens, context),
    validation,
    test
  }
  return materials
})

/** A model compressed and distilled by these settings, in the scope. */
const distilled = Effect.fnUntraced(function* (
  { job, original, windows, validation }: Materials,
  settings: Settings,
  key: Key,
  report: TrialContext["report"]
) {
  const distill = yield* Distill
  const [stage] = planOf(settings, original.config).stages
  const compress = yield* Compress
  const student = yield* compress.replace(original, stage.weights, { key: fold(key, "fit") })
  const { divergence, temperature, learningRate } = settings
  const { model } = yield* distill.train(
    {
      student,
      teacher: original,
      loss: { crossEntropy: 1 - divergence, divergence, temperature },
      nextBatch: (numbers) => windows.sample(rows, numbers),
      steps: job.steps,
      schedule: Schedule.cosine({
        peak: learningRate,
        floor: learningRate / 10,
        warmupSteps: Math.ceil(job.steps / 10)
      }),
      optimizer: adamW(),
      key: fold(key, "batches"),
      clipNorm: 1,
      evaluate: (model) => Effect.map(perplexity(model, validation), (judged) => judged.perplexity),
      evaluateEvery: Math.max(1, Math.round(job.steps * firstLook))
    },
    ({ step, steps, evaluation }) =>
      // At the last step the value itself follows: nothing is saved by giving up there.
      evaluation === undefined || step === steps ? Effect.void : report(step, evaluation)
  )
  return model
})

/** Held-out perplexity of the distilled model: what the search makes small. */
export const validationPerplexity = (
  materials: Materials,
  settings: Settings,
  { key, report }: Pick<TrialContext, "key" | "report">
) =>
  Effect.scoped(
    Effect.flatMap(distilled(materials, settings, key, report), (model) =>
      perplexity(model, materials.validation)
    )
  ).pipe(Effect.map((judged) => judged.perplexity))

/** The same on text that the search never saw. */
export const testPerplexity = (materials: Materials, settings: Settings, key: Key) =>
  Effect.scoped(
    Effect.flatMap(
      distilled(materials, settings, key, () => Effect.void),
      (model) => perplexity(model, materials.test)
    )
  ).pipe(Effect.map((judged) => judged.perplexity))
