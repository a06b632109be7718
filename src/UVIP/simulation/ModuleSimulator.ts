import { Effect, Predicate } from "effect"
import { UvipOptionError } from "../Errors.ts"
import type { Simulator } from "./Simulator.ts"
import { madeBy } from "./SimulatorOrigin.ts"

const isSimulator = (value: unknown): value is Simulator =>
  Predicate.hasProperty(value, "sample") && Predicate.isFunction(value.sample)

const wrongModule = (url: string, name: string, expected: string) =>
  new UvipOptionError({ option: `export "${name}" of ${url}`, value: "something else", expected })

/** What a module's function makes: see `moduleSimulator`. */
export const simulatorOfModule = Effect.fnUntraced(function* (
  url: string,
  name: string,
  options: unknown
): Effect.fn.Return<Simulator, UvipOptionError> {
  const failed = (cause: unknown) =>
    new UvipOptionError({
      option: `export "${name}" of ${url}`,
      value: cause instanceof Error ? cause.message : String(cause),
      expected: "a function that gives a simulator"
    })
  const made = yield* Effect.tryPromise({
    try: async (): Promise<unknown> => {
      const contents: unknown = await import(url)
      if (!Predicate.hasProperty(contents, name) || !Predicate.isFunction(contents[name]))
        throw wrongModule(url, name, "a function that gives a simulator")
      return contents[name](options) as unknown
    },
    catch: (cause) => (cause instanceof UvipOptionError ? cause : failed(cause))
  })
  if (!isSimulator(made)) return yield* wrongModule(url, name, "a function that gives a simulator")
  return made
})

/**
 * A simulator that a module makes, in this thread and, where `threads` asks for them, in worker threads too: the module at `url` exports,
 * under `name`, default "default", a function of `options` that gives a `Simulator` or a promise of one. The options must be data that threads can be
 * sent; the same options must give the same simulator. Fails with `UvipOptionError`.
 *
 * @example
 * const source = yield* moduleSimulator(new URL("./warehouse.ts", import.meta.url), { options: { robots: 3 } })
 */
export const moduleSimulator = (
  url: URL | string,
  { name = "default", options }: { readonly name?: string | undefined; readonly options?: unknown } = {}
): Effect.Effect<Simulator, UvipOptionError> =>
  Effect.map(simulatorOfModule(String(url), name, options), (made) =>
    madeBy({ ...made }, { kind: "module", url: String(url), name, options })
  )
