// Draws of a 9-dimensional autoregression, and a control variate of degree 2 (54 features) on them: node bench/controlvariates/LargeFit.ts DRAWS.
// Prints JSON: seconds of the fit and of the cross-fitted reduction, and the process's peak memory.
import { Console, Effect } from "effect"
import { ControlVariates, functional, makeChains } from "../../src/ControlVariates/index.ts"
import { cpu } from "../../src/Layers/index.ts"
import { key, stream } from "../../src/Random/index.ts"

const draws = Number(process.argv[2])
const dimensions = 9

const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* work
    return (performance.now() - start) / 1000
  })

const program = Effect.gen(function* () {
  const random = stream(key("large"))
  const values = new Float64Array(draws * dimensions)
  const scores = new Float64Array(draws * dimensions)
  for (let i = 0; i < values.length; i++) {
    values[i] = (i < dimensions ? 0 : 0.9 * values[i - dimensions]) + Math.sqrt(0.19) * random.normal()
    scores[i] = -values[i]
  }
  const chains = yield* makeChains({ chains: 1, draws, dimensions, values, scores })
  const f = functional(chains, "exp", ([x, y]) => Math.exp(0.5 * x) + y)
  const variates = yield* ControlVariates
  yield* variates.fit(
    yield* makeChains({
      chains: 1,
      draws: 1000,
      dimensions,
      values: values.slice(0, 9000),
      scores: scores.slice(0, 9000)
    }),
    { names: ["exp"], values: [f.values[0].slice(0, 1000)] },
    { degree: 2, objective: "esvm", window: 20 }
  )
  const fitSeconds = yield* timed(variates.fit(chains, f, { degree: 2, objective: "esvm", window: 20 }))
  const reduceSeconds = yield* timed(variates.reduce(chains, f, { degree: 2 }))
  yield* Console.log(
    JSON.stringify({ fitSeconds, reduceSeconds, peakBytes: process.resourceUsage().maxRSS * 1024 })
  )
}).pipe(Effect.provide(ControlVariates.layer), Effect.provide(cpu()), Effect.scoped)

Effect.runFork(program)
