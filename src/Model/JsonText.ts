import { Result } from "effect"
import { quoted } from "./Errors.ts"

/**
 * How deep JSON from a file may nest, and how many values it may hold, before any of it is built in memory.
 */
export interface JsonLimits {
  readonly depth: number
  readonly values: number
}

/** The value of a JSON text; fails with what is wrong with it, as a verb's phrase ("is not
 * valid JSON: ..."), also where an object has the same key twice. */
export const parseJson = (text: string, limits: JsonLimits): Result.Result<unknown, string> => {
  try {
    const problem = findProblem(text, limits)
    return problem === undefined ? Result.succeed(JSON.parse(text)) : Result.fail(problem)
  } catch (error) {
    return Result.fail(`is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const quote = '"'.charCodeAt(0)
const backslash = "\\".charCodeAt(0)
const comma = ",".charCodeAt(0)
const openBrace = "{".charCodeAt(0)
const closeBrace = "}".charCodeAt(0)
const openBracket = "[".charCodeAt(0)
const closeBracket = "]".charCodeAt(0)

// JSON.parse keeps the last of two equal keys, without a word, and builds all of a hostile text before anyone
// can look. One pass over the brackets, commas and strings sees both; whether the rest is JSON is left to
// JSON.parse.
const findProblem = (text: string, limits: JsonLimits): string | undefined => {
  // The keys seen in each object that is open at this point; undefined for an array.
  const open: Array<Set<string> | undefined> = []
  let keys: Set<string> | undefined
  let keyIsNext = false
  let values = 1
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character === quote) {
      const start = i
      let escaped = false
      for (i++; i < text.length && text.charCodeAt(i) !== quote; i++) {
        if (text.charCodeAt(i) === backslash) {
          escaped = true
          i++
        }
      }
      if (keyIsNext && keys !== undefined) {
        const key = escaped ? String(JSON.parse(text.slice(start, i + 1))) : text.slice(start + 1, i)
        if (keys.has(key)) return `has the key ${quoted(key)} twice in one object`
        keys.add(key)
        keyIsNext = false
      }
    } else if (character === openBrace || character === openBracket) {
      keys = character === openBrace ? new Set() : undefined
      keyIsNext = keys !== undefined
      open.push(keys)
      values++
      if (open.length > limits.depth) return `is nested deeper than ${limits.depth} levels`
    } else if (character === closeBrace || character === closeBracket) {
      open.pop()
      keys = open.at(-1)
      keyIsNext = false
    } else if (character === comma) {
      keyIsNext = keys !== undefined
      values++
    }
    if (values > limits.values) return `holds more than ${limits.values} values`
  }
  return undefined
}
