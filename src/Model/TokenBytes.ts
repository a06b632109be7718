import type { EvaluationWindows } from "./PerplexityProtocol.ts"
import type { Tokenizer } from "./Tokenizer.ts"

/** UTF-8 bytes that each token id stands for; a special token stands for none. */
export const tokenBytes = ({ json, vocabularySize }: Tokenizer): Uint32Array => {
  const bytes = new Uint32Array(vocabularySize)
  // In the byte alphabet every byte is one character.
  for (const [symbols, id] of Object.entries(json.model.vocab)) bytes[id] = symbols.length
  for (const { id } of json.added_tokens) bytes[id] = 0
  return bytes
}

/** UTF-8 bytes of the tokens that a perplexity's windows predict: what its bits are to be divided by. */
export const predictedBytes = (windows: EvaluationWindows, tokenizer: Tokenizer): number => {
  const bytes = tokenBytes(tokenizer)
  let total = 0
  for (let first = 0; first < windows.count; first++)
    for (const target of windows.batch(first, 1).targets) if (target >= 0) total += bytes[target] ?? 0
  return total
}
