import { Effect, Schema } from "effect"
import { timeSlice } from "../Iteration/TimeSlice.ts"

/** A token id that is not one of the vocabulary's. */
export class TokenOutOfRange extends Schema.TaggedError<TokenOutOfRange>()("TokenOutOfRange", {
  position: Schema.Number,
  token: Schema.Number,
  vocabularySize: Schema.Number
}) {
  override get message() {
    return (
      `token ${this.token} at position ${this.position} is not one of the ${this.vocabularySize} of the vocabulary; ` +
      "use the tokenizer that the vocabulary belongs to"
    )
  }
}

export interface KneserNeyOptions {
  /** Token ids are the whole numbers below this. */
  readonly vocabularySize: number
  /** The longest n-gram, history and predicted token together; 5 unless told. */
  readonly order?: number
  /** What is taken from every count, in (0, 1); or "modified", three discounts an order estimated from the counts (unless told). */
  readonly discount?: number | "modified"
}

/** An n-gram model of token streams: the yardstick for a trained network. */
export interface KneserNey {
  readonly order: number
  readonly vocabularySize: number
  /** Distinct n-grams that are stored, of all orders. */
  readonly storedNgrams: number
  /** P(token | history), of which the last `order - 1` tokens count; sums to 1 over the vocabulary. */
  readonly probability: (history: ArrayLike<number>, token: number) => number
  /**
   * The mean loss (nats a token) over a stream, each token predicted from those before it; its exponential is the perplexity. Fails
   * with `TokenOutOfRange`.
   */
  readonly meanLoss: (tokens: Int32Array) => Effect.Effect<number, TokenOutOfRange>
}

const root = 0
const unseen = -1

// All n-grams of the training stream as a trie. Node 0 is the empty one; the node of (h, w) is a child of that of h.
interface Trie {
  readonly order: number
  size: number
  readonly parent: Int32Array
  readonly token: Int32Array
  readonly depth: Uint8Array
  /** Occurrences for the longest n-grams; for shorter ones, the number of distinct tokens they were seen to follow. */
  readonly count: Int32Array
  /** An open hash of (parent, token); a slot holds a node, or 0 if it is empty. */
  slots: Int32Array
}

/**
 * Fits an interpolated Kneser-Ney model (Kneser and Ney 1995; "modified" after Chen and Goodman 1999, section 4.1):
 * P(w | h) = (max(c(h w) - D, 0) + mass(h) P(w | h')) / c(h), where h' is h without its first token, the counts of shorter n-grams are
 * those of the distinct tokens before them, and mass(h) is what the discounts took away. Below the unigrams lies 1 / vocabularySize.
 *
 * About 2 seconds and 200 MB for 2 million tokens. Fails with `TokenOutOfRange`.
 *
 * @example
 * const model = yield* KneserNey.fit(train.tokens, { vocabularySize: 4096 })
 * const perplexity = Math.exp(yield* model.meanLoss(heldOut.tokens))
 */
export const fit = Effect.fn("KneserNey.fit")(function* (
  tokens: Int32Array,
  { vocabularySize, order = 5, discount = "modified" }: KneserNeyOptions
): Effect.fn.Return<KneserNey, TokenOutOfRange> {
  yield* check(tokens, vocabularySize)
  const trie = yield* count(tokens, order)
  const discounts = discount === "modified" ? estimateDiscounts(trie) : fixedDiscounts(order, discount)
  const { total, mass } = sumChildren(trie, discounts)

  // history: the nodes of the last 0, 1, .. order - 1 tokens, `unseen` where there is none; changed to what it is after the token.
  const advance = (history: Int32Array, token: number): number => {
    let probability = 1 / vocabularySize
    let longer = root
    for (let length = 0; length < order; length++) {
      const node = history[length]
      history[length] = longer
      longer = unseen
      if (node === unseen) continue
      longer = find(trie, node, token)
      if (total[node] === 0) continue
      const seen = longer === unseen ? 0 : trie.count[longer]
      const kept = seen - discounts[length + 1][Math.min(seen, 3)]
      probability = (kept + mass[node] * probability) / total[node]
    }
    return probability
  }
  const emptyHistory = () => new Int32Array(order).fill(unseen).fill(root, 0, 1)

  return {
    order,
    vocabularySize,
    storedNgrams: trie.size - 1,
    probability: (history, token) => {
      const nodes = emptyHistory()
      for (let i = Math.max(0, history.length - order + 1); i < history.length; i++)
        advance(nodes, history[i])
      return advance(nodes, token)
    },
    meanLoss: Effect.fn("KneserNey.meanLoss")(function* (stream: Int32Array) {
      yield* check(stream, vocabularySize)
      const pause = timeSlice()
      const history = emptyHistory()
      let loss = 0
      for (let i = 0; i < stream.length; i++) {
        loss -= Math.log(advance(history, stream[i]))
        if (i % 4096 === 0) yield* pause
      }
      return loss / stream.length
    })
  }
})

const check = (tokens: Int32Array, vocabularySize: number): Effect.Effect<void, TokenOutOfRange> => {
  const position = tokens.findIndex((token) => token < 0 || token >= vocabularySize)
  return position === -1
    ? Effect.void
    : Effect.fail(new TokenOutOfRange({ position, token: tokens[position], vocabularySize }))
}

const count = Effect.fnUntraced(function* (tokens: Int32Array, order: number) {
  // Every token adds at most one node an order. Memory that is never written to is not taken from the system.
  const capacity = tokens.length * order + 1
  const trie: Trie = {
    order,
    size: 1,
    parent: new Int32Array(capacity),
    token: new Int32Array(capacity),
    depth: new Uint8Array(capacity),
    count: new Int32Array(capacity),
    slots: new Int32Array(1024)
  }
  const pause = timeSlice()
  // Nodes of the n-grams that end at the token before, by length.
  const history = new Int32Array(order).fill(unseen).fill(root, 0, 1)
  for (let i = 0; i < tokens.length; i++) {
    let longer = root
    for (let length = 0; length < order; length++) {
      const node = history[length]
      history[length] = longer
      if (node === unseen) break
      const known = find(trie, node, tokens[i])
      // `history[length]` is now this n-gram without its first token, which a new n-gram gives one more left neighbour.
      if (known === unseen && length > 0) trie.count[history[length]]++
      longer = known === unseen ? insert(trie, node, tokens[i]) : known
      if (length === order - 1) trie.count[longer]++
    }
    if (i % 1024 === 0) yield* pause
  }
  return trie
})

const slotOf = (trie: Trie, parent: number, token: number): number => {
  let hash = Math.imul(parent, 0x9e3779b1) ^ Math.imul(token, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) & (trie.slots.length - 1)
}

const find = (trie: Trie, parent: number, token: number): number => {
  const { slots } = trie
  for (let slot = slotOf(trie, parent, token); ; slot = (slot + 1) & (slots.length - 1)) {
    const node = slots[slot]
    if (node === 0) return unseen
    if (trie.parent[node] === parent && trie.token[node] === token) return node
  }
}

const insert = (trie: Trie, parent: number, token: number): number => {
  const node = trie.size++
  trie.parent[node] = parent
  trie.token[node] = token
  trie.depth[node] = trie.depth[parent] + 1
  if (trie.size * 2 > trie.slots.length) {
    trie.slots = new Int32Array(trie.slots.length * 2)
    for (let other = 1; other < node; other++) place(trie, other)
  }
  place(trie, node)
  return node
}

const place = (trie: Trie, node: number): void => {
  const { slots } = trie
  let slot = slotOf(trie, trie.parent[node], trie.token[node])
  while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
  slots[slot] = node
}

// discounts: [order + 1, 4]: what is taken from a count of 0, 1, 2, and 3 or more, by the length of the n-gram
const fixedDiscounts = (order: number, discount: number): Array<ReadonlyArray<number>> =>
  Array.from({ length: order + 1 }, () => [0, discount, discount, discount])

const estimateDiscounts = (trie: Trie): Array<ReadonlyArray<number>> => {
  // ofCount[length][r]: how many n-grams of the length have the count r
  const ofCount = Array.from({ length: trie.order + 1 }, () => [0, 0, 0, 0, 0])
  for (let node = 1; node < trie.size; node++) {
    if (trie.count[node] < 5) ofCount[trie.depth[node]][trie.count[node]]++
  }
  return ofCount.map((n) => {
    const y = n[1] / (n[1] + 2 * n[2])
    // Chen and Goodman's equation 17. A tiny text may lack the counts that it divides by, or give what is no discount at all.
    return [0, 1, 2, 3].map((r) => {
      const estimate = r === 0 ? 0 : r - (r + 1) * y * (n[r + 1] / n[r])
      return estimate > 0 && estimate < r ? estimate : Math.min(r, 0.75)
    })
  })
}

// For every history: the sum of the counts of the tokens that follow it, and how much of it the discounts take.
const sumChildren = (trie: Trie, discounts: ReadonlyArray<ReadonlyArray<number>>) => {
  const total = new Int32Array(trie.size)
  const mass = new Float64Array(trie.size)
  for (let node = 1; node < trie.size; node++) {
    total[trie.parent[node]] += trie.count[node]
    mass[trie.parent[node]] += discounts[trie.depth[node]][Math.min(trie.count[node], 3)]
  }
  return { total, mass }
}
