import type { ModelConfig } from "../../src/Model/ModelConfig.ts"
import type { Batch } from "../../src/Model/TextSet.ts"
import type { Stream } from "../../src/Random/index.ts"

/** Two layers of width 8: everything a GPT-2 has, in about two thousand numbers. */
export const tinyConfig: ModelConfig = {
  model_type: "gpt2",
  vocab_size: 11,
  n_positions: 8,
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
  n_inner: null,
  activation_function: "gelu_new",
  layer_norm_epsilon: 1e-5,
  tie_word_embeddings: true,
  resid_pdrop: 0,
  embd_pdrop: 0,
  attn_pdrop: 0
}

/** Nine tokens, no two followed by the same: what comes next is known from the last one. */
export const sentence: ReadonlyArray<number> = [3, 1, 4, 10, 5, 9, 2, 6, 8]

/** Windows of six tokens of the sentence, repeated without end, from random places. */
export const sentenceWindows =
  (rows: number) =>
  (numbers: Stream): Batch => {
    const context = 6
    const inputs = new Int32Array(rows * context)
    const targets = new Int32Array(rows * context)
    for (let row = 0; row < rows; row++) {
      const start = numbers.integer(sentence.length)
      for (let i = 0; i < context; i++) {
        inputs[row * context + i] = sentence[(start + i) % sentence.length]
        targets[row * context + i] = sentence[(start + i + 1) % sentence.length]
      }
    }
    return { rows, context, inputs, targets }
  }
