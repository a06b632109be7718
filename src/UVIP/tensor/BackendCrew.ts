import { Effect, Scope } from "effect"
import { upload } from "../../Tensor/Host.ts"
import { Backend, compute, type TensorError } from "../../Tensor/index.ts"
import { attempt, UvipOptionError } from "../Errors.ts"
import { type SampledOptions, sampledUpper, type UpperLimit } from "../SampledUpper.ts"
import { type Crew, type CrewError, ownThread } from "../workers/Crew.ts"
import { tensorDesignOf } from "./TensorDesign.ts"
import { replicateOnBackend, type TensorSampler } from "./TensorReplication.ts"
import type { TensorSimulator } from "./TensorSimulator.ts"

const columnsOf = (points: Float64Array, stateSize: number): ReadonlyArray<Float64Array> =>
  Array.from({ length: stateSize }, (_, i) =>
    Float64Array.from({ length: points.length / stateSize }, (_, point) => points[point * stateSize + i])
  )

/**
 * A crew whose replications draw on the backend, for as long as the scope lasts; pilots and episodes are this thread's. The simulator that it is
 * given must be `source.host`.
 */
export const backendCrew = Effect.fnUntraced(function* (
  source: TensorSimulator
): Effect.fn.Return<Crew<CrewError | TensorError>, never, Backend | Scope.Scope> {
  const backend = yield* Backend
  const scope = yield* Effect.scope
  let sampler: { readonly design: unknown; readonly made: TensorSampler } | undefined
  const crew: Crew<CrewError | TensorError> = {
    ...ownThread,
    replicate: Effect.fnUntraced(
      function* (problem, sweeps) {
        const { simulator, design } = problem.sampler
        if (simulator !== source.host)
          return yield* new UvipOptionError({
            option: "simulator",
            value: simulator.name,
            expected: "the host of the tensor simulator that the backend draws from"
          })
        if (sampler?.design !== design) {
          const own = yield* attempt<UvipOptionError>()(() => tensorDesignOf(design, simulator))
          const tables = yield* compute((t) => ({
            simulator: source.tables(t),
            design: own.tables(t),
            points: columnsOf(design.points, simulator.stateSize).map((column) => upload(t.region, column))
          })).pipe(Effect.provideService(Scope.Scope, scope))
          sampler = { design, made: { simulator: source, design: own, tables } }
        }
        return yield* replicateOnBackend(sampler.made, problem, sweeps)
      },
      Effect.provideService(Backend, backend)
    )
  }
  return crew
})

/**
 * `Uvip.sampled` with its draws on the backend: for many draws of a simulator that is written in tensor operations, such as `tensorCartPole()`
 * or, of a known MDP, `tensorSimulatorOf(mdp)`. Fails as it does, and with `TensorError`.
 *
 * @example
 * const { limit } = yield* sampledOnBackend(yield* tensorSimulatorOf(mdp), { method: "max-of-means", draws: 1e6, key: key(1) })
 */
export const sampledOnBackend = Effect.fn("UVIP.sampledOnBackend")(function* (
  source: TensorSimulator,
  options: Omit<SampledOptions, "threads">
): Effect.fn.Return<UpperLimit, CrewError | TensorError, Backend | Scope.Scope> {
  return yield* sampledUpper(yield* backendCrew(source), source.host, options)
}, Effect.scoped)
