import type { Effect } from "effect"
import { attempt, MdpError } from "../Errors.ts"
import { buildMdp, type Mdp } from "../mdp/Mdp.ts"

export interface ChainOptions {
  /** Both ends included; default 15. */
  readonly states?: number | undefined
  /** In [0, 1). Default 0.8. */
  readonly discount?: number | undefined
  /** A move goes the other way with half of this probability; default 0.5. */
  readonly noise?: number | undefined
}

/** A row of states whose ends absorb: action 0 moves left, 1 right; a move pays 1, or 10 where it enters an end (arXiv 2105.02135). */
export const chain = (options: ChainOptions = {}): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() => {
    const { states = 15, discount = 0.8, noise = 0.5 } = options
    if (!(states >= 3))
      throw new MdpError({ reason: `Chain: there must be at least 3 states, not ${states}` })
    if (!(noise >= 0 && noise <= 1))
      throw new MdpError({ reason: `Chain: the noise must be in [0, 1], not ${noise}` })
    const isEnd = (state: number) => state === 0 || state === states - 1
    return buildMdp({
      states,
      actions: 2,
      discount,
      terminal: [0, states - 1],
      // The intended move is first in both actions, so that shared noise decides of success.
      outcomes: (state, action) => {
        const step = action === 0 ? -1 : 1
        const ahead = state + step
        const back = state - step
        return [
          [ahead, 1 - noise / 2, isEnd(ahead) ? 10 : 1],
          [back, noise / 2, isEnd(back) ? 10 : 1]
        ]
      }
    })
  })
