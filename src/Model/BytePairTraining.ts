import { Effect, Schema } from "effect"
import { byteOrder, byteSymbols, wordPattern } from "./ByteAlphabet.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"
import { endOfText, type TokenizerJson } from "./TokenizerJson.ts"

/** A vocabulary size that byte-pair training cannot give. */
export class VocabularySizeError extends Schema.TaggedError<VocabularySizeError>()("VocabularySizeError", {
  vocabularySize: Schema.Number
}) {
  override get message() {
    return (
      `a byte-level vocabulary holds 256 bytes, the merged pairs and ${endOfText}; ` +
      `its size must be a whole number from 257 to ${maximumSize}, not ${this.vocabularySize}`
    )
  }
}

const maximumSize = 2 ** 20

export interface BytePairTrainingOptions {
  /** Tokens in all, at least 257: 256 bytes, the merges and `<|endoftext|>`, which gets the last id. */
  readonly vocabularySize: number
  /** Pairs that occur less often than this are not merged; 2 unless told. */
  readonly minimumFrequency?: number
}

/**
 * Learns a byte-level BPE vocabulary (Sennrich, Haddow and Birch 2016; over bytes as in GPT-2) and gives the content of a
 * tokenizer.json: the most frequent pair inside words is merged, again and again; among equally frequent pairs, the one whose tokens
 * came first. The vocabulary is smaller than asked for where the text runs out of pairs.
 *
 * Fails with `VocabularySizeError` for sizes below 257.
 *
 * @example
 * const json = yield* BytePairTraining.train(documents, { vocabularySize: 4096 })
 * const tokenizer = yield* Tokenizer.make(json)
 */
export const train = Effect.fn("BytePairTraining.train")(function* (
  documents: Iterable<string>,
  options: BytePairTrainingOptions
): Effect.fn.Return<TokenizerJson, VocabularySizeError> {
  const { vocabularySize, minimumFrequency = 2 } = options
  if (!(Number.isInteger(vocabularySize) && vocabularySize > 256 && vocabularySize <= maximumSize)) {
    return yield* new VocabularySizeError({ vocabularySize })
  }
  const words = split(yield* countWords(documents))
  const pairs = countPairs(words)
  const tokens = byteOrder.map((byte) => byteSymbols[byte])
  const merges: Array<string> = []
  const pause = timeSlice()
  while (tokens.length < vocabularySize - 1) {
    const best = pairs.mostFrequent()
    if (best === undefined || best.count < minimumFrequency) break
    merges.push(`${tokens[best.left]} ${tokens[best.right]}`)
    merge(words, pairs, best, tokens.length)
    tokens.push(tokens[best.left] + tokens[best.right])
    yield* pause
  }
  return tokenizerJson([...tokens, endOfText], merges)
})

const countWords = Effect.fnUntraced(function* (documents: Iterable<string>) {
  const counts = new Map<string, number>()
  const pause = timeSlice()
  for (const document of documents) {
    let seen = 0
    for (const [word] of document.matchAll(wordPattern)) {
      counts.set(word, (counts.get(word) ?? 0) + 1)
      if (++seen % 4096 === 0) yield* pause
    }
    yield* pause
  }
  return counts
})

// The distinct words as token ids, all in one array: word w is symbols[start[w] .. start[w] + length[w]) and occurs frequency[w]
// times. Merging shortens a word in place.
interface Words {
  readonly symbols: Int32Array
  readonly start: Int32Array
  readonly length: Int32Array
  readonly frequency: Float64Array
}

const split = (counts: ReadonlyMap<string, number>): Words => {
  const idOfByte = new Int32Array(256)
  byteOrder.forEach((byte, id) => {
    idOfByte[byte] = id
  })
  const encoder = new TextEncoder()
  const encoded = [...counts.keys()].map((word) => encoder.encode(word))
  const words: Words = {
    symbols: new Int32Array(encoded.reduce((total, bytes) => total + bytes.length, 0)),
    start: new Int32Array(encoded.length),
    length: Int32Array.from(encoded, (bytes) => bytes.length),
    frequency: Float64Array.from(counts.values())
  }
  let position = 0
  encoded.forEach((bytes, w) => {
    words.start[w] = position
    for (const byte of bytes) words.symbols[position++] = idOfByte[byte]
  })
  return words
}

interface Pair {
  readonly left: number
  readonly right: number
  count: number
  /** The words it occurred in when it was last counted; some may have lost it since. */
  readonly words: Array<number>
}

// The pairs of neighbouring tokens and how often each occurs, with the most frequent at hand: a heap whose entries remember the
// count they were filed under. Counts only fall after a pair is filed, so an entry that is out of date is filed again when met.
class PairCounts {
  readonly #pairs = new Map<number, Pair>()
  readonly #heap: Array<{ readonly pair: Pair; readonly count: number }> = []

  add(left: number, right: number, change: number): Pair {
    const key = left * maximumSize + right
    let pair = this.#pairs.get(key)
    if (pair === undefined) {
      pair = { left, right, count: 0, words: [] }
      this.#pairs.set(key, pair)
    }
    pair.count += change
    return pair
  }

  all(): IterableIterator<Pair> {
    return this.#pairs.values()
  }

  file(pair: Pair): void {
    if (pair.count <= 0) return
    const heap = this.#heap
    const entry = { pair, count: pair.count }
    let i = heap.length
    for (; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!precedes(entry, heap[parent])) break
      heap[i] = heap[parent]
      i = parent
    }
    heap[i] = entry
  }

  mostFrequent(): Pair | undefined {
    for (;;) {
      const top = this.#removeTop()
      if (top === undefined) return undefined
      if (top.count === top.pair.count) return top.pair
      this.file(top.pair)
    }
  }

  #removeTop() {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && precedes(heap[child + 1], heap[child])) child++
      if (!precedes(heap[child], last)) break
      heap[i] = heap[child]
      i = child
    }
    heap[i] = last
    return top
  }
}

const precedes = (
  a: { readonly pair: Pair; readonly count: number },
  b: { readonly pair: Pair; readonly count: number }
): boolean =>
  a.count !== b.count
    ? a.count > b.count
    : a.pair.left !== b.pair.left
      ? a.pair.left < b.pair.left
      : a.pair.right < b.pair.right

const countPairs = (words: Words): PairCounts => {
  const pairs = new PairCounts()
  for (let w = 0; w < words.start.length; w++) {
    const end = words.start[w] + words.length[w]
    for (let i = words.start[w] + 1; i < end; i++) {
      const pair = pairs.add(words.symbols[i - 1], words.symbols[i], words.frequency[w])
      if (pair.words.at(-1) !== w) pair.words.push(w)
    }
  }
  for (const pair of pairs.all()) pairs.file(pair)
  return pairs
}

// Replaces a pair by the token `merged` in every word that has it, and brings the counts of the pairs around it up to date.
const merge = (
  { symbols, start, length, frequency }: Words,
  pairs: PairCounts,
  pair: Pair,
  merged: number
): void => {
  const created = new Set<Pair>()
  for (const w of pair.words) {
    const first = start[w]
    const end = first + length[w]
    let occurs = false
    for (let i = first + 1; i < end && !occurs; i++)
      occurs = symbols[i - 1] === pair.left && symbols[i] === pair.right
    if (!occurs) continue
    for (let i = first + 1; i < end; i++) pairs.add(symbols[i - 1], symbols[i], -frequency[w])
    let kept = first
    for (let i = first; i < end; i++) {
      if (i + 1 < end && symbols[i] === pair.left && symbols[i + 1] === pair.right) {
        symbols[kept++] = merged
        i++
      } else {
        symbols[kept++] = symbols[i]
      }
    }
    length[w] = kept - first
    for (let i = first + 1; i < kept; i++) {
      const counted = pairs.add(symbols[i - 1], symbols[i], frequency[w])
      if (symbols[i - 1] === merged || symbols[i] === merged) {
        if (counted.words.at(-1) !== w) counted.words.push(w)
        created.add(counted)
      }
    }
  }
  pair.words.length = 0
  for (const counted of created) pairs.file(counted)
}

// tokens: all of them in the order of their ids, the special one last; merges: "left right" in the order they were made
const tokenizerJson = (tokens: ReadonlyArray<string>, merges: ReadonlyArray<string>): TokenizerJson => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [
    {
      id: tokens.length - 1,
      content: endOfText,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true
    }
  ],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges
  }
})
