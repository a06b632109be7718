import { type Key, stream } from "../../src/Random/index.ts"
import { buildMdp, type Mdp, type Outcome } from "../../src/UVIP/mdp/Mdp.ts"

/** A small MDP of random size, with ties, single outcomes and sometimes terminal states. */
export const randomMdp = (key: Key): Mdp => {
  const random = stream(key)
  const states = 2 + random.integer(5)
  const actions = 1 + random.integer(4)
  const last = random.bernoulli(0.3) ? [states - 1] : []
  return buildMdp({
    states,
    actions,
    discount: 0.5 + 0.4 * random.uniform(),
    terminal: last,
    outcomes: () => {
      const order = random.permutation(states)
      const branching = 1 + random.integer(Math.min(4, states))
      const weights = Array.from({ length: branching }, () => random.integer(4) + 1)
      const total = weights.reduce((a, b) => a + b)
      const reward = random.bernoulli(0.5) ? random.integer(3) - 1 : random.normal()
      return weights.map((weight, j): Outcome => [order[j], weight / total, reward])
    }
  })
}
