import { Effect } from "effect"
import { workerTask } from "../../../src/TetraOpt/index.ts"
import { type Bowl, bowl } from "./bowl.ts"

/** The bowl on a worker thread, with trials that go wrong in all ways that a thread has. */
export default workerTask((configuration: Bowl, { number, report }) =>
  Effect.gen(function* () {
    if (number === 1) process.exit(3)
    if (number === 2) for (;;);
    if (number === 3) return yield* Effect.fail(new Error("a failure"))
    if (number === 4) return Number.NaN
    for (let step = 1; step <= 4; step++) yield* report(step, bowl(configuration) + 1 / step)
    return bowl(configuration)
  })
)
