import { Effect } from "effect"
import { fold, key, stream } from "../../src/Random/index.ts"
import { minimize, Parameter, Space } from "../../src/TetraOpt/index.ts"
import { type FunctionName, functions, movedFunction, randomShift } from "./Functions.ts"

export interface RunSettings {
  readonly dims: number
  readonly evals: number
  readonly seeds: number
  /** By what share of the box the minimiser is moved at most. */
  readonly shift: number
}

/** What came of a function: f(best) - f(minimiser) by seed, and the mean seconds of a run. */
export interface FunctionRuns {
  readonly function: FunctionName
  readonly errors: ReadonlyArray<number>
  readonly seconds: number
}

/** The function of so many variables as a search space. */
export const boxOf = (name: FunctionName, dims: number) => {
  const { low, high } = functions[name]
  return Space.make(
    Object.fromEntries(Array.from({ length: dims }, (_, k) => [`x${k + 1}`, Parameter.float(low, high)]))
  )
}

/** How far the minimiser is moved with a seed. */
export const shiftOf = (name: FunctionName, seed: number, { dims, shift }: RunSettings): Float64Array =>
  randomShift(functions[name], dims, shift, stream(fold(fold(key(seed), name), "shift")))

/** Minimises a function once a seed, each time with another shift. */
export const runFunction = Effect.fnUntraced(function* (
  name: FunctionName,
  settings: RunSettings,
  observe: (seed: number) => Effect.Effect<void> = () => Effect.void
) {
  const { dims, evals, seeds } = settings
  const f = functions[name]
  const space = yield* boxOf(name, dims)
  const least = f.minimum(dims)
  const errors: Array<number> = []
  let milliseconds = 0
  for (let seed = 0; seed < seeds; seed++) {
    yield* observe(seed)
    const valuesAt = movedFunction(f, shiftOf(name, seed, settings))
    const started = performance.now()
    const { value } = yield* minimize(({ values }) => valuesAt(values), space, {
      evaluations: evals,
      key: fold(key(seed), name)
    })
    milliseconds += performance.now() - started
    // Below 0 only by rounding.
    errors.push(Math.max(0, value - least))
  }
  return { function: name, errors, seconds: milliseconds / 1000 / seeds } satisfies FunctionRuns
})

export const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length
