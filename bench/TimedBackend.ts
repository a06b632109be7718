import { Effect, Layer } from "effect"
import { Backend, type Kernels } from "../src/Tensor/index.ts"

/** Seconds spent in each kernel, and how often it was called. */
export type KernelTimes = Map<string, { seconds: number; calls: number }>

const named = ["unary", "binary", "compare", "reduce"]

/** The backend with a stopwatch on every kernel. */
export const timedBackend = <E, R>(
  layer: Layer.Layer<Backend, E, R>,
  times: KernelTimes
): Layer.Layer<Backend, E, R> =>
  Layer.effect(
    Backend,
    Effect.map(Backend, (kernels) => {
      const timed = Object.entries(kernels).map(([name, member]) => {
        if (typeof member !== "function" || ["download", "live", "release"].includes(name))
          return [name, member]
        const call = member as (...values: ReadonlyArray<unknown>) => unknown
        return [
          name,
          (...values: ReadonlyArray<unknown>) => {
            const start = performance.now()
            const result = call(...values)
            const label = named.includes(name) ? `${name} ${String(values[0])}` : name
            const entry = times.get(label) ?? { seconds: 0, calls: 0 }
            entry.seconds += (performance.now() - start) / 1000
            entry.calls++
            times.set(label, entry)
            return result
          }
        ]
      })
      return Object.fromEntries(timed) as Kernels
    })
  ).pipe(Layer.provide(layer))
