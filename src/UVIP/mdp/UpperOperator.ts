import { hasTerminal, type Mdp } from "./Mdp.ts"

/** How the next states of the actions are drawn together; every choice gives an upper bound. */
export type Coupling = "independent" | "shared" | "comonotone"

/** A problem prepared for sweeps of its upper operator. */
export interface UpperProblem {
  readonly mdp: Mdp
  readonly coupling: Coupling
  /** f: [states], 0 in terminal states. */
  readonly reference: Float64Array
  /** r(x, a) + discount (P^a f)(x): [states * actions]. */
  readonly base: Float64Array
  readonly hasTerminal: boolean
  readonly workspace: Workspace
}

/** What a sweep writes over. */
interface Workspace {
  /** discount (V - f): [states] */
  readonly difference: Float64Array
  /** By action: mass already seen, or the value at the moment. */
  readonly mass: Float64Array
  /** The values of a state's outcomes, in their order. */
  readonly outcome: Float64Array
  /**
   * [outcomes]: each state's outcomes by descending value as of the last sweep, as codes. Values change
   * little from sweep to sweep, so putting them into order again costs hardly more than looking. What a sweep gives does not depend on
   * where the order starts from.
   */
  readonly order: Int32Array
  readonly actionBits: number
  /** Of the shared coupling alone. */
  readonly shared: SharedNoise | undefined
}

/** Codes of outcomes: (position in the state << actionBits) | action. */
const actionBitsOf = (actions: number): number => 32 - Math.clz32(actions - 1)

/**
 * One uniform number, pushed through the inverse distribution functions of all actions: as it rises from 0 to 1 the actions' outcomes change, one
 * at a time, in the order `order`; after the k-th change they stay for a length of `mass[k]`.
 */
interface SharedNoise {
  /** [outcomes]: codes */
  readonly order: Int32Array
  /** [outcomes] */
  readonly mass: Float64Array
}

const sharedNoise = ({ states, actions, offsets, probabilities }: Mdp): SharedNoise => {
  const actionBits = actionBitsOf(actions)
  const order = new Int32Array(probabilities.length)
  const mass = new Float64Array(probabilities.length)
  const at = new Int32Array(actions)
  // Where the outcome that comes next of each action begins.
  const begins = new Float64Array(actions)
  for (let x = 0; x < states; x++) {
    const start = offsets[x * actions]
    const end = offsets[(x + 1) * actions]
    for (let a = 0; a < actions; a++) {
      at[a] = offsets[x * actions + a]
      begins[a] = 0
    }
    let last = 0
    for (let k = start; k < end; k++) {
      let next = -1
      for (let a = 0; a < actions; a++)
        if (at[a] < offsets[x * actions + a + 1] && (next < 0 || begins[a] < begins[next])) next = a
      // Rounding may put the last outcome's beginning beyond 1.
      const begin = Math.min(begins[next], 1)
      if (k > start) mass[k - 1] = begin - last
      last = begin
      order[k] = ((at[next] - start) << actionBits) | next
      begins[next] += probabilities[at[next]++]
    }
    if (end > start) mass[end - 1] = 1 - last
  }
  return { order, mass }
}

const initialOrder = ({ states, actions, offsets }: Mdp): Int32Array => {
  const actionBits = actionBitsOf(actions)
  const order = new Int32Array(offsets[states * actions])
  for (let x = 0; x < states; x++) {
    const start = offsets[x * actions]
    for (let a = 0; a < actions; a++)
      for (let e = offsets[x * actions + a]; e < offsets[x * actions + a + 1]; e++)
        order[e] = ((e - start) << actionBits) | a
  }
  return order
}

/** Prepares sweeps with the control variate f = `reference`, [states]; f is taken as 0 in terminal states. */
export const upperProblem = (mdp: Mdp, reference: Float64Array, coupling: Coupling): UpperProblem => {
  const { states, actions, offsets, successors, probabilities, rewards, discount } = mdp
  const f = reference.map((value, x) => (mdp.terminal[x] === 1 ? 0 : value))
  const base = new Float64Array(states * actions)
  let most = 0
  for (let x = 0; x < states; x++) {
    for (let pair = x * actions; pair < (x + 1) * actions; pair++) {
      let mean = 0
      for (let e = offsets[pair]; e < offsets[pair + 1]; e++) mean += probabilities[e] * f[successors[e]]
      base[pair] = rewards[pair] + discount * mean
    }
    most = Math.max(most, offsets[(x + 1) * actions] - offsets[x * actions])
  }
  const workspace: Workspace = {
    difference: new Float64Array(states),
    mass: new Float64Array(actions),
    outcome: new Float64Array(most),
    order: coupling === "shared" ? new Int32Array(0) : initialOrder(mdp),
    actionBits: actionBitsOf(actions),
    shared: coupling === "shared" ? sharedNoise(mdp) : undefined
  }
  return { mdp, coupling, reference: f, base, hasTerminal: hasTerminal(mdp), workspace }
}

/**
 * One sweep of the upper operator (arXiv 2105.02135, with any f, here `reference`)
 *
 *     (U V)(x) = E max_a Z_a,   Z_a = r(x, a) + discount (V(Y_a) - f(Y_a) + (P^a f)(x)),   Y_a ~ P(. | x, a),
 *
 * under one joint law of the Y_a; returns U V, [states]. U is monotone, U(V + c) = U V + discount c, and U V >= B V, Bellman's
 * operator, because E max >= max E; so its fixed point V^up is at least V*. For V = f all Z_a are constants and U f = B f.
 *
 * **The comonotone coupling is the tightest.** Let F_a be the distribution function of Z_a. Under any joint law
 * P(max_a Z_a <= t) = P(all Z_a <= t) <= min_a F_a(t) (Frechet and Hoeffding's upper bound). The variables F_a^{-1}(W), one
 * uniform W for all a, have the marginals F_a, and F_a^{-1}(w) <= t if and only if w <= F_a(t), so for them
 * P(all <= t) = P(W <= min_a F_a(t)) = min_a F_a(t): the bound is attained, at all t at once. As E max = integral of t dG(t) falls when the
 * distribution function G of the maximum rises pointwise, no law has a smaller E max. It depends on V through the order of the
 * Z_a, hence on the sweep; that is allowed: the operator U_c "least E max over all joint laws" is a minimum of operators
 * that are monotone and shift by discount c, so it is one too, and B <= U_c <= U for the U of any fixed law. Iterating from one
 * start therefore keeps V* <= V^up_c <= V^up.
 */
export const upperSweep = (problem: UpperProblem, values: Float64Array): Float64Array => {
  const { mdp, reference, workspace, coupling } = problem
  const { difference } = workspace
  for (let y = 0; y < difference.length; y++) difference[y] = mdp.discount * (values[y] - reference[y])
  const swept = new Float64Array(mdp.states)
  if (workspace.shared !== undefined) sharedSweep(problem, workspace.shared, swept)
  else sortedSweep(problem, coupling === "comonotone", swept)
  return swept
}

// Mass that rounding may leave unseen of an action whose outcomes have all been passed.
const rest = 1e-15

// The outcomes of a state in descending order v_1 >= v_2 >= ..., and between v_k and v_{k+1} the tail probability of the maximum: the
// largest of the actions' tails if comonotone, 1 - the product of their distribution functions if independent. Mostly the order of
// the last sweep still holds, and one pass over the outcomes is enough.
const sortedSweep = (problem: UpperProblem, comonotone: boolean, swept: Float64Array): void => {
  const { mdp } = problem
  const meanInOrder = comonotone ? comonotoneMean : independentMean
  for (let x = 0; x < mdp.states; x++) {
    if (mdp.terminal[x] === 1) continue
    const first = x * mdp.actions
    let mean = meanInOrder(problem, first)
    if (Number.isNaN(mean)) {
      restoreOrder(problem, first)
      mean = meanInOrder(problem, first)
    }
    swept[x] = mean
  }
}

// E max of the state whose first pair is `first`, NaN where its outcomes are no longer in order. Sums are of what lies below the top.
const comonotoneMean = ({ mdp, base, workspace }: UpperProblem, first: number): number => {
  const { actions, offsets, successors, probabilities } = mdp
  const { difference, order, mass, actionBits } = workspace
  const mask = (1 << actionBits) - 1
  const start = offsets[first]
  const end = offsets[first + actions]
  for (let a = 0; a < actions; a++) mass[a] = 0
  let top = 0
  let below = 0
  let tail = 0
  let previous = Infinity
  let previousCode = -1
  for (let k = start; k < end; k++) {
    const code = order[k]
    const a = code & mask
    const e = start + (code >>> actionBits)
    const v = base[first + a] + difference[successors[e]]
    if (v >= previous && (v > previous || code < previousCode)) return Number.NaN
    if (k === start) top = v
    previous = v
    previousCode = code
    if (tail === 1) continue
    const own = mass[a] + probabilities[e]
    mass[a] = own
    if (own > tail) {
      const reached = own > 1 - rest ? 1 : own
      below += (top - v) * (reached - tail)
      tail = reached
    }
  }
  return top - below
}

const independentMean = ({ mdp, base, workspace }: UpperProblem, first: number): number => {
  const { actions, offsets, successors, probabilities } = mdp
  const { difference, order, mass, actionBits } = workspace
  const mask = (1 << actionBits) - 1
  const start = offsets[first]
  const end = offsets[first + actions]
  // By action: what is left of its mass.
  for (let a = 0; a < actions; a++) mass[a] = 1
  let top = 0
  let below = 0
  let product = 1
  let previous = Infinity
  let previousCode = -1
  for (let k = start; k < end; k++) {
    const code = order[k]
    const a = code & mask
    const e = start + (code >>> actionBits)
    const v = base[first + a] + difference[successors[e]]
    if (v >= previous && (v > previous || code < previousCode)) return Number.NaN
    if (k === start) top = v
    previous = v
    previousCode = code
    if (product === 0) continue
    const before = mass[a]
    const left = before - probabilities[e]
    mass[a] = left
    const next = left < rest ? 0 : product * (left / before)
    below += (top - v) * (product - next)
    product = next
  }
  return top - below
}

const restoreOrder = ({ mdp, base, workspace }: UpperProblem, first: number): void => {
  const { actions, offsets, successors } = mdp
  const { difference, outcome } = workspace
  const start = offsets[first]
  for (let a = 0, e = start; a < actions; a++) {
    const shift = base[first + a]
    for (const end = offsets[first + a + 1]; e < end; e++)
      outcome[e - start] = shift + difference[successors[e]]
  }
  sortDescending(workspace, start, offsets[first + actions])
}

// Insertion sort of order[start..end) by value, equal ones by position, from an order that is mostly right already; long runs
// are first sorted in strides (Shell's method), which makes them so.
const sortDescending = ({ outcome, order, actionBits }: Workspace, start: number, end: number): void => {
  let gap = 1
  while (end - start > 64 * gap) gap = 2 * gap + 1
  for (; gap >= 1; gap >>>= 1) {
    for (let k = start + gap; k < end; k++) {
      const code = order[k]
      const v = outcome[code >>> actionBits]
      let previous = order[k - gap]
      let other = outcome[previous >>> actionBits]
      if (other > v || (other === v && previous < code)) continue
      let j = k
      do {
        order[j] = previous
        j -= gap
        if (j < start + gap) break
        previous = order[j - gap]
        other = outcome[previous >>> actionBits]
      } while (other < v || (other === v && previous > code))
      order[j] = code
    }
  }
}

const sharedSweep = (problem: UpperProblem, { order, mass }: SharedNoise, swept: Float64Array): void => {
  const { mdp, base, workspace } = problem
  const { states, actions, offsets, successors, terminal } = mdp
  const { difference, mass: current, actionBits } = workspace
  const mask = (1 << actionBits) - 1
  for (let x = 0; x < states; x++) {
    if (terminal[x] === 1) continue
    const first = x * actions
    const start = offsets[first]
    const end = offsets[first + actions]
    for (let a = 0; a < actions; a++) current[a] = -Infinity
    let best = -Infinity
    let sum = 0
    for (let k = start; k < end; k++) {
      const a = order[k] & mask
      const before = current[a]
      const v = base[first + a] + difference[successors[start + (order[k] >>> actionBits)]]
      current[a] = v
      if (v >= best) best = v
      else if (before === best) {
        best = v
        for (let other = 0; other < actions; other++) if (current[other] > best) best = current[other]
      }
      sum += mass[k] * best
    }
    swept[x] = sum
  }
}
