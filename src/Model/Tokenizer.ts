import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers"
import { Effect, FileSystem, Path, Result, Schema } from "effect"
import { byteSymbols, wordPattern } from "./ByteAlphabet.ts"
import { quoted } from "./Errors.ts"
import { parseJson } from "./JsonText.ts"
import { readText } from "./RegularFile.ts"
import { timeSlice } from "../Iteration/TimeSlice.ts"
import { endOfText, TokenizerJson } from "./TokenizerJson.ts"

/** A tokenizer that cannot be read, or ids that are not its own: which file it came from, why, and what to do. */
export class TokenizerError extends Schema.TaggedError<TokenizerError>()("TokenizerError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.path}: ${this.reason}`
  }
}

/** A byte-level BPE tokenizer: any text to token ids and, exactly, back. */
export interface Tokenizer {
  /** The file it came from, as errors name it. */
  readonly path: string
  /** Token ids are the whole numbers below this. */
  readonly vocabularySize: number
  /** The id of `<|endoftext|>`, which separates documents; undefined where the vocabulary has none. */
  readonly endOfText: number | undefined
  /** What tokenizer.json holds for this tokenizer. */
  readonly json: TokenizerJson
  /** The ids of a text; the name of a special token in the text becomes that token. About 10 MB a second, and interruptible. */
  readonly encode: (text: string) => Effect.Effect<Int32Array>
  /**
   * The text of the ids, special tokens by their names; bytes that are not UTF-8 become U+FFFD. Fails with `TokenizerError` for
   * ids outside the vocabulary.
   */
  readonly decode: (ids: ArrayLike<number>) => Effect.Effect<string, TokenizerError>
}

const maximumBytes = 64 * 1024 * 1024
const jsonLimits = { depth: 64, values: 4_000_000 }
const byteOfSymbol = new Map(byteSymbols.map((symbol, byte) => [symbol, byte]))

/**
 * Reads the tokenizer of a Hugging Face model directory: tokenizer.json or, where there is none, GPT-2's vocab.json and merges.txt.
 * Fails with `TokenizerError` where they are missing, damaged, or not a byte-level BPE.
 *
 * @example
 * const tokenizer = yield* Tokenizer.read("models/gpt2")
 * const ids = yield* tokenizer.encode("Fellow citizens")
 */
export const read = Effect.fn("Tokenizer.read")(function* (
  directory: string
): Effect.fn.Return<Tokenizer, TokenizerError, FileSystem.FileSystem | Path.Path> {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const exists = (path: string) => Effect.orElseSucceed(fileSystem.exists(path), () => false)
  const path = join(directory, "tokenizer.json")
  if (yield* exists(path)) return yield* make(yield* readJson(path), path)

  const vocabularyPath = join(directory, "vocab.json")
  const mergesPath = join(directory, "merges.txt")
  if (!((yield* exists(vocabularyPath)) && (yield* exists(mergesPath)))) {
    const reason = "holds no tokenizer: neither tokenizer.json nor vocab.json with merges.txt"
    return yield* new TokenizerError({ path: directory, reason })
  }
  const vocabulary = yield* readJson(vocabularyPath)
  const merges = (yield* readFile(mergesPath)).split(/\r?\n/)
  return yield* make(gpt2Json(vocabulary, merges), vocabularyPath)
})

const readFile = (path: string) =>
  Effect.mapError(readText(path, maximumBytes), ({ reason }) => new TokenizerError({ path, reason }))

const readJson = Effect.fnUntraced(function* (path: string) {
  const parsed = parseJson(yield* readFile(path), jsonLimits)
  if (Result.isFailure(parsed)) return yield* new TokenizerError({ path, reason: parsed.failure })
  return parsed.success
})

// What tokenizer.json would say of GPT-2's two files. lines: those of merges.txt, the first of which may give its version
const gpt2Json = (vocabulary: unknown, lines: ReadonlyArray<string>): unknown => {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true }
  const id = typeof vocabulary === "object" && vocabulary !== null && Reflect.get(vocabulary, endOfText)
  return {
    version: "1.0",
    added_tokens:
      typeof id === "number" ? [{ id, content: endOfText, special: true, normalized: false }] : [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: "BPE",
      vocab: vocabulary,
      merges: lines.filter((line, i) => line !== "" && !(i === 0 && line.startsWith("#version")))
    }
  }
}

/**
 * The tokenizer that the content of a tokenizer.json describes. `path` only names it in errors. Fails with `TokenizerError` where it
 * is not a complete byte-level BPE: ids from 0 without gaps, all 256 bytes, and no merge of or into an unknown token.
 */
export const make = Effect.fnUntraced(function* (
  content: unknown,
  path = "tokenizer.json"
): Effect.fn.Return<Tokenizer, TokenizerError> {
  const json = yield* Schema.decodeUnknownEffect(TokenizerJson)(content).pipe(
    Effect.mapError(
      (error) => new TokenizerError({ path, reason: `not a byte-pair tokenizer: ${error.message}` })
    )
  )
  const problem = findIdProblem(json) ?? findModelProblem(json)
  if (problem !== undefined) return yield* new TokenizerError({ path, reason: problem })
  const tokens = tokensById(json)
  const library = yield* Effect.try({
    try: () => new LibraryTokenizer(json, {}),
    catch: (error) => new TokenizerError({ path, reason: `cannot be used: ${String(error)}` })
  })
  const encodePiece = (text: string): ReadonlyArray<number> =>
    text === "" ? [] : library.encode(text, { add_special_tokens: false }).ids
  return {
    path,
    vocabularySize: tokens.length,
    endOfText:
      json.added_tokens.find((token) => token.content === endOfText)?.id ?? json.model.vocab[endOfText],
    json,
    encode: hasGpt2Words(json)
      ? encodeByWords(json, encodePiece)
      : (text) => Effect.sync(() => Int32Array.from(encodePiece(text))),
    decode: decodeBytes(json, tokens, path)
  }
})

const namedIds = ({
  added_tokens,
  model
}: TokenizerJson): ReadonlyArray<readonly [token: string, id: number]> => [
  ...Object.entries(model.vocab),
  ...added_tokens.map(({ content, id }) => [content, id] as const)
]

const tokensById = (json: TokenizerJson): ReadonlyArray<string> => {
  const tokens: Array<string> = []
  for (const [token, id] of namedIds(json)) tokens[id] = token
  return tokens
}

const findIdProblem = (json: TokenizerJson): string | undefined => {
  const tokens = new Map<number, string>()
  for (const [token, id] of namedIds(json)) {
    const other = tokens.get(id) ?? token
    if (other !== token) return `the tokens ${quoted(other)} and ${quoted(token)} have the same id ${id}`
    tokens.set(id, token)
  }
  for (let id = 0; id < tokens.size; id++) {
    if (!tokens.has(id)) return `no token has the id ${id}, though there are ${tokens.size} tokens`
  }
  for (const { content, id } of json.added_tokens) {
    const other = json.model.vocab[content] ?? id
    if (other !== id) return `the token ${quoted(content)} has two ids, ${other} and ${id}`
  }
  return undefined
}

const findModelProblem = ({
  added_tokens,
  decoder,
  model,
  pre_tokenizer
}: TokenizerJson): string | undefined => {
  for (const [name, component] of Object.entries({ pre_tokenizer, decoder })) {
    if (!hasByteLevel(component))
      return `its ${name} is not byte-level; this library reads byte-level BPE only`
  }
  for (const name of ["end_of_word_suffix", "continuing_subword_prefix", "continuing_subword_suffix"]) {
    if (model[name] !== undefined && model[name] !== null && model[name] !== "") {
      return `model.${name} is set; this library reads byte-level BPE only`
    }
  }
  const known = (token: string) => Object.hasOwn(model.vocab, token)
  const missing = byteSymbols.filter((symbol) => !known(symbol)).length
  if (missing > 0)
    return `its vocabulary lacks ${missing} of the 256 bytes; the file is damaged or not a byte-level BPE`
  const added = new Set(added_tokens.map((token) => token.content))
  for (const token of Object.keys(model.vocab)) {
    if (!added.has(token) && ![...token].every((symbol) => byteOfSymbol.has(symbol))) {
      return `the token ${quoted(token)} is not written in the byte alphabet`
    }
  }
  for (const [i, entry] of model.merges.entries()) {
    const parts = typeof entry === "string" ? entry.split(" ") : entry
    if (parts.length !== 2 || !parts.every(known) || !known(parts.join(""))) {
      return `merge ${i}, ${quoted(parts.join(" "))}, is not of two tokens of the vocabulary into a third`
    }
  }
  return undefined
}

const hasByteLevel = (component: TokenizerJson["decoder"]): boolean => {
  if (component === null) return false
  const parts = component.pretokenizers ?? component.decoders ?? [component]
  return Array.isArray(parts) && parts.some((part) => Reflect.get(Object(part), "type") === "ByteLevel")
}

// Whether texts divide into GPT-2's words whatever stands around them, so that a word's ids can be looked up.
const hasGpt2Words = ({ added_tokens, normalizer, pre_tokenizer }: TokenizerJson): boolean =>
  normalizer === null &&
  pre_tokenizer?.type === "ByteLevel" &&
  pre_tokenizer.add_prefix_space === false &&
  pre_tokenizer.use_regex !== false &&
  !added_tokens.some((token) => token.lstrip === true || token.rstrip === true)

// Words met before are looked up; this many of them, of at most this many characters, are kept.
const rememberedWords = 100_000
const rememberedCharacters = 64

const encodeByWords = (json: TokenizerJson, encodePiece: (text: string) => ReadonlyArray<number>) => {
  const added = new Map(json.added_tokens.map((token) => [token.content, token.id]))
  // Of two names that begin at the same place the longer one counts; the capturing group keeps the names among the pieces.
  const names = [...added.keys()].toSorted((a, b) => b.length - a.length).map(escaped)
  const separator = new RegExp(`(${names.length === 0 ? "(?!)" : names.join("|")})`, "u")
  const remembered = new Map<string, ReadonlyArray<number>>()
  return Effect.fnUntraced(function* (text: string) {
    const ids: Array<number> = []
    const pause = timeSlice()
    for (const piece of text.split(separator)) {
      const special = added.get(piece)
      if (special !== undefined) {
        ids.push(special)
        continue
      }
      let seen = 0
      for (const [word] of piece.matchAll(wordPattern)) {
        let encoded = remembered.get(word)
        if (encoded === undefined) {
          encoded = encodePiece(word)
          if (word.length <= rememberedCharacters && remembered.size < rememberedWords)
            remembered.set(word, encoded)
        }
        for (const id of encoded) ids.push(id)
        if (++seen % 1024 === 0) yield* pause
      }
    }
    return Int32Array.from(ids)
  })
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")

const decodeBytes = (json: TokenizerJson, tokens: ReadonlyArray<string>, path: string) => {
  const added = new Set(json.added_tokens.map((token) => token.content))
  const bytes = tokens.map((token) =>
    added.has(token)
      ? new TextEncoder().encode(token)
      : Uint8Array.from(token, (symbol) => byteOfSymbol.get(symbol)!)
  )
  return Effect.fnUntraced(function* (ids: ArrayLike<number>) {
    let length = 0
    for (let i = 0; i < ids.length; i++) {
      const token = bytes[ids[i]]
      if (token === undefined) {
        const reason = `no token has the id ${ids[i]} (at position ${i}); ids are whole numbers from 0 to ${bytes.length - 1}`
        return yield* new TokenizerError({ path, reason })
      }
      length += token.length
    }
    const all = new Uint8Array(length)
    let position = 0
    for (let i = 0; i < ids.length; i++) {
      all.set(bytes[ids[i]], position)
      position += bytes[ids[i]].length
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(all)
  })
}
