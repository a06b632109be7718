import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers"
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import * as BytePairTraining from "../../src/Model/BytePairTraining.ts"
import { parseJson } from "../../src/Model/JsonText.ts"
import * as Tokenizer from "../../src/Model/Tokenizer.ts"
import type { TokenizerJson } from "../../src/Model/TokenizerJson.ts"
import { key, stream } from "../../src/Random/index.ts"

const text =
  "The cat sat on the mat; the cat's hat is there. Thé chat était là 😀😀 in 1865 and 1866,  then\n\nthe end. "

const trained = BytePairTraining.train([text.repeat(3)], { vocabularySize: 300 })

const pieces = [
  " ",
  "  ",
  "\n",
  "\r\n",
  "\t",
  "\u00a0",
  "\u0085",
  "\ufeff",
  "\0",
  "the cat",
  "'s",
  "'",
  "é",
  "e\u0301",
  "中文",
  "😀",
  "👩‍👧",
  "1865",
  "!?",
  "<|endoftext|>",
  "<|endof"
] as const

describe("Tokenizer", () => {
  it.effect("gives any text back exactly", () =>
    Effect.gen(function* () {
      const tokenizer = yield* Tokenizer.make(yield* trained)
      assert.strictEqual(tokenizer.vocabularySize, 300)
      assert.strictEqual(tokenizer.endOfText, 299)
      for (const sample of [
        "",
        text,
        pieces.join(""),
        pieces.join(" "),
        " ".repeat(1000),
        "x".repeat(10_000)
      ]) {
        const ids = yield* tokenizer.encode(sample)
        assert.strictEqual(yield* tokenizer.decode(ids), sample)
      }
      assert.isBelow((yield* tokenizer.encode(text)).length, text.length / 2)
    })
  )

  it.effect.prop(
    "gives random texts back exactly",
    { parts: Schema.Array(Schema.Literals(pieces)) },
    ({ parts }) =>
      Effect.gen(function* () {
        const tokenizer = yield* Tokenizer.make(yield* trained)
        const sample = parts.join("")
        assert.strictEqual(yield* tokenizer.decode(yield* tokenizer.encode(sample)), sample)
      })
  )

  it.effect("gives the ids that the library gives for the whole text at once", () =>
    Effect.gen(function* () {
      const json = yield* trained
      const tokenizer = yield* Tokenizer.make(json)
      const library = new LibraryTokenizer(json, {})
      // JavaScript's white space, by which the library divides words, differs from Unicode's in these two.
      const common = pieces.filter((piece) => piece !== "\u0085" && piece !== "\ufeff")
      for (const sample of [
        text.repeat(20),
        common.join(""),
        common.join(" "),
        common.toReversed().join("x")
      ]) {
        const expected = library.encode(sample, { add_special_tokens: false }).ids
        assert.deepStrictEqual([...(yield* tokenizer.encode(sample))], expected)
      }
    })
  )

  it.effect("takes the special token's name for the token, wherever it stands", () =>
    Effect.gen(function* () {
      const tokenizer = yield* Tokenizer.make(yield* trained)
      const ids = yield* tokenizer.encode("a!<|endoftext|>b<|endoftext|>")
      assert.deepStrictEqual(
        [...ids].map((id) => id === tokenizer.endOfText),
        [false, false, true, false, true]
      )
    })
  )

  it.effect("prefers the longer of two special tokens, and takes their signs literally", () =>
    Effect.gen(function* () {
      const json = yield* trained
      const added = ["[x]", "[x]+", "$$"].map((content, i) => ({ id: 300 + i, content, special: true }))
      const tokenizer = yield* Tokenizer.make({ ...json, added_tokens: [...json.added_tokens, ...added] })
      assert.deepStrictEqual([...(yield* tokenizer.encode("[x]+[x]$$[x]+"))], [301, 300, 302, 301])
      assert.strictEqual(yield* tokenizer.decode([301, 302]), "[x]+$$")
    })
  )

  it.effect("leaves tokenizers of another division of words to the library", () =>
    Effect.gen(function* () {
      const json = yield* trained
      const spaced = { ...json, pre_tokenizer: { ...json.pre_tokenizer, add_prefix_space: true } }
      const tokenizer = yield* Tokenizer.make(spaced)
      assert.strictEqual(yield* tokenizer.decode(yield* tokenizer.encode("the cat")), " the cat")
      const composed = yield* Tokenizer.make({ ...json, normalizer: { type: "NFC" } })
      assert.strictEqual(yield* composed.decode(yield* composed.encode("e\u0301")), "é")
      assert.strictEqual((yield* composed.encode("")).length, 0)
    })
  )

  it.effect("decodes bytes that are not UTF-8 as U+FFFD, and fails for ids that no token has", () =>
    Effect.gen(function* () {
      const tokenizer = yield* Tokenizer.make(yield* trained, "here/tokenizer.json")
      const smile = yield* tokenizer.encode("\u{1F642}")
      assert.strictEqual(yield* tokenizer.decode(smile.subarray(0, -1)), "\ufffd")
      assert.strictEqual(yield* tokenizer.decode([]), "")
      for (const id of [300, -1, 0.5, Number.NaN]) {
        const error = yield* Effect.flip(tokenizer.decode([0, id]))
        assert.strictEqual(error._tag, "TokenizerError")
        assert.strictEqual(error.path, "here/tokenizer.json")
        assert.include(error.message, `${id} (at position 1)`)
      }
    })
  )
})

const withVocabulary = (json: TokenizerJson, extra: Record<string, number>) => ({
  ...json,
  model: { ...json.model, vocab: { ...json.model.vocab, ...extra } }
})

const withModel = (json: TokenizerJson, model: object) => ({ ...json, model: { ...json.model, ...model } })

describe("Tokenizer.make refuses", () => {
  const cases: ReadonlyArray<readonly [string, (json: TokenizerJson) => unknown, string]> = [
    ["what is no object", () => "text", "Expected object"],
    ["a content without a model", (json) => ({ ...json, model: undefined }), '["model"]'],
    ["another model than BPE", (json) => withModel(json, { type: "WordPiece" }), '["model"]["type"]'],
    ["an id that is no whole number", (json) => withVocabulary(json, { extra: 300.5 }), '["extra"]'],
    ["an id beyond all bounds", (json) => withVocabulary(json, { extra: 1e9 }), '["extra"]'],
    ["two tokens of one id", (json) => withVocabulary(json, { extra: 7 }), "have the same id 7"],
    ["a gap in the ids", (json) => withVocabulary(json, { extra: 301 }), "no token has the id 300"],
    [
      "a token of two ids",
      (json) => ({ ...json, added_tokens: [{ id: 300, content: "<|endoftext|>" }] }),
      "has two ids, 299 and 300"
    ],
    [
      "a lost byte",
      ({ model: { vocab, ...model }, ...json }) => {
        const { Ġ: space, ...rest } = vocab
        return { ...json, model: { ...model, vocab: { ...rest, extra: space } } }
      },
      "lacks 1 of the 256 bytes"
    ],
    [
      "a token outside the byte alphabet",
      (json) => withVocabulary(json, { "two words": 300 }),
      "byte alphabet"
    ],
    ["a merge of an unknown token", (json) => withModel(json, { merges: ["q z"] }), 'merge 0, "q z"'],
    ["a merge of three", (json) => withModel(json, { merges: ["t h e"] }), 'merge 0, "t h e"'],
    ["a word ending", (json) => withModel(json, { end_of_word_suffix: "</w>" }), "end_of_word_suffix"],
    [
      "a decoder that is not byte-level",
      (json) => ({ ...json, decoder: { type: "WordPiece" } }),
      "its decoder"
    ],
    ["words that are not bytes", (json) => ({ ...json, pre_tokenizer: null }), "its pre_tokenizer"],
    ["a component nobody knows", (json) => ({ ...json, normalizer: { type: "Unheard" } }), "Unheard"]
  ]
  for (const [what, changed, expected] of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Tokenizer.make(changed(yield* trained), "some/tokenizer.json"))
        assert.strictEqual(error._tag, "TokenizerError")
        assert.isTrue(error.message.startsWith("some/tokenizer.json: "))
        assert.include(error.message, expected)
      })
    )
  }
})

describe("Tokenizer.read", () => {
  const writeTo = Effect.fnUntraced(function* (files: Record<string, string>) {
    const fileSystem = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const directory = yield* fileSystem.makeTempDirectoryScoped()
    for (const [name, content] of Object.entries(files)) {
      yield* fileSystem.writeFileString(join(directory, name), content)
    }
    return directory
  })

  it.effect("reads tokenizer.json, in both ways of writing merges, and GPT-2's two files alike", () =>
    Effect.gen(function* () {
      const json = yield* trained
      const merges = json.model.merges.map(String)
      const pairs = { ...json, model: { ...json.model, merges: merges.map((merge) => merge.split(" ")) } }
      const directories = [
        yield* writeTo({ "tokenizer.json": JSON.stringify(json) }),
        yield* writeTo({ "tokenizer.json": JSON.stringify(pairs) }),
        yield* writeTo({
          "vocab.json": JSON.stringify(json.model.vocab),
          "merges.txt": `#version: 0.2\r\n${merges.join("\r\n")}\r\n`
        })
      ]
      const sample = `${text}<|endoftext|>`
      const expected = yield* (yield* Tokenizer.make(json)).encode(sample)
      for (const directory of directories) {
        const tokenizer = yield* Tokenizer.read(directory)
        assert.strictEqual(tokenizer.endOfText, 299)
        assert.deepStrictEqual(yield* tokenizer.encode(sample), expected)
        assert.deepStrictEqual(yield* (yield* Tokenizer.make(tokenizer.json)).encode(sample), expected)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("says what is missing or damaged", () =>
    Effect.gen(function* () {
      const json = JSON.stringify(yield* trained)
      const cases: ReadonlyArray<readonly [Record<string, string>, string]> = [
        [{}, "neither tokenizer.json nor vocab.json"],
        [{ "vocab.json": "{}" }, "neither tokenizer.json nor vocab.json"],
        [{ "tokenizer.json": json.slice(0, json.length / 2) }, "not valid JSON"],
        [{ "tokenizer.json": "" }, "not valid JSON"],
        [{ "tokenizer.json": '{"model": 1, "model": 2}' }, "twice"],
        [{ "tokenizer.json": "[".repeat(1000) }, "nested"],
        [{ "vocab.json": '{"a": 0}', "merges.txt": "" }, "lacks 255 of the 256 bytes"],
        [{ "vocab.json": "[]", "merges.txt": "" }, "not a byte-pair tokenizer"]
      ]
      for (const [files, expected] of cases) {
        const directory = yield* writeTo(files)
        const error = yield* Effect.flip(Tokenizer.read(directory))
        assert.strictEqual(error._tag, "TokenizerError")
        assert.isTrue(error.path.startsWith(directory))
        assert.include(error.message, expected)
      }
      const absent = yield* Effect.flip(Tokenizer.read("/nonexistent/model"))
      assert.include(absent.message, "/nonexistent/model: holds no tokenizer")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("loads a damaged tokenizer.json, and then decodes what it encodes, or says what is wrong", () =>
    Effect.gen(function* () {
      const json = JSON.stringify(yield* trained)
      const numbers = stream(key("damaged tokenizer.json"))
      let refused = 0
      for (let i = 0; i < 300; i++) {
        const at = numbers.integer(json.length)
        const length = numbers.bernoulli(0.5) ? 1 : numbers.integer(200)
        const inserted = numbers.bernoulli(0.5) ? String.fromCharCode(32 + numbers.integer(95)) : ""
        const damaged = json.slice(0, at) + inserted + json.slice(at + length)
        const parsed = parseJson(damaged, { depth: 64, values: 1e5 })
        const tokenizer = yield* Effect.option(
          Effect.flatMap(Effect.fromResult(parsed), (content) => Tokenizer.make(content))
        )
        if (Option.isNone(tokenizer)) {
          refused++
          continue
        }
        const ids = yield* tokenizer.value.encode("the cat's hat 1865")
        const decoded = yield* tokenizer.value.decode(ids)
        // A damaged pre-tokenizer may add the space that GPT-2's does not.
        assert.strictEqual(decoded.trimStart(), "the cat's hat 1865")
      }
      assert.isAbove(refused, 200)
    })
  )
})
