import type { Effect } from "effect"
import { type Key, stream } from "../../Random/index.ts"
import { attempt, MdpError } from "../Errors.ts"
import { buildMdp, type Mdp, type Outcome } from "../mdp/Mdp.ts"

export interface GarnetOptions {
  readonly states: number
  readonly actions: number
  /** Distinct next states of each pair. */
  readonly branching: number
  /** In [0, 1). Default 0.9. */
  readonly discount?: number | undefined
  readonly key: Key
}

/**
 * Garnet (Archibald, McKinnon and Thomas, "On the generation of Markov decision processes", 1995): each pair leads to `branching` distinct states,
 * uniformly chosen, with probabilities the gaps between sorted uniform numbers, and pays a uniform reward in [0, 1).
 */
export const garnet = (options: GarnetOptions): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() => {
    const { states, actions, branching, discount = 0.9, key } = options
    if (!(Number.isInteger(branching) && branching >= 1 && branching <= states))
      throw new MdpError({ reason: `Garnet: branching must be from 1 to ${states} states, not ${branching}` })
    const random = stream(key)
    return buildMdp({
      states,
      actions,
      discount,
      outcomes: () => {
        const chosen = new Set<number>()
        while (chosen.size < branching) chosen.add(random.integer(states))
        const cuts = Array.from({ length: branching - 1 }, () => random.uniform()).toSorted((a, b) => a - b)
        const ends = [...cuts, 1]
        const reward = random.uniform()
        return [...chosen].map((next, j): Outcome => [next, ends[j] - (j === 0 ? 0 : ends[j - 1]), reward])
      }
    })
  })
