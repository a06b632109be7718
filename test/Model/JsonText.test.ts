import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { parseJson } from "../../src/Model/JsonText.ts"

const limits = { depth: 4, values: 100 }

const reason = (text: string): string =>
  Result.match(parseJson(text, limits), { onSuccess: () => "none", onFailure: (problem) => problem })

describe("parseJson", () => {
  it.prop("reads what JSON.stringify writes", [Schema.Json], ([value]) => {
    const text = JSON.stringify(value)
    assert.deepStrictEqual(parseJson(text, { depth: 1000, values: 1e6 }), Result.succeed(JSON.parse(text)))
  })

  it("refuses a key that appears twice, however it is written and wherever it is", () => {
    assert.strictEqual(reason('{"a": 1, "b": 2, "a": 3}'), 'has the key "a" twice in one object')
    assert.strictEqual(reason('{"a": 1, "\\u0061": 3}'), 'has the key "a" twice in one object')
    assert.strictEqual(
      reason('[0, {"b": {"a": [], "c": {}, "a": 3}}]'),
      'has the key "a" twice in one object'
    )
    assert.strictEqual(
      reason('{"__proto__": 1, "__proto__": 2}'),
      'has the key "__proto__" twice in one object'
    )
  })

  it("is not misled by equal keys of different objects, nor by strings that look like keys", () => {
    const texts = [
      '[{"a": 1}, {"a": 1}]',
      '{"a": {"a": "a"}, "b": "\\"a\\": {", "c": ["a", "a"]}',
      '{"a": "{,", "b": "}"}'
    ]
    for (const text of texts) {
      assert.deepStrictEqual(parseJson(text, limits), Result.succeed(JSON.parse(text)))
    }
  })

  it("stops before anything deep or large is built", () => {
    assert.strictEqual(reason("[".repeat(1_000_000)), "is nested deeper than 4 levels")
    assert.strictEqual(reason('{"a":'.repeat(5)), "is nested deeper than 4 levels")
    assert.strictEqual(reason(`[${"0,".repeat(200)}0]`), "holds more than 100 values")
    assert.strictEqual(reason(`[${"[],".repeat(200)}0]`), "holds more than 100 values")
  })

  it("says what is wrong with text that is not JSON", () => {
    for (const text of [
      "",
      "{",
      "]",
      '{"a',
      '{"a\\',
      '{"a": 1,}',
      '{"\\x": 1}',
      "nul",
      '{"a": 1} {',
      "\ufeff{}"
    ]) {
      assert.match(reason(text), /^is not valid JSON: /)
    }
  })

  it("gives __proto__ no power", () => {
    const value = Result.getOrThrow(parseJson('{"__proto__": {"polluted": true}}', limits))
    assert.deepStrictEqual(Object.keys(value as object), ["__proto__"])
    assert.isUndefined(({} as { polluted?: boolean }).polluted)
    assert.isUndefined((value as { polluted?: boolean }).polluted)
  })
})
