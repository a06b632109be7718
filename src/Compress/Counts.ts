import { tensorShapes, weightSizes } from "../Model/Gpt2.ts"
import type { ModelConfig } from "../Model/ModelConfig.ts"
import { sizeOf } from "../Tensor/Tensor.ts"
import { finalWeights, indexCount, type Plan, storedParameters } from "./Plan.ts"

/** How many numbers a planned model has, in the ways in which papers count. */
export interface PlanCounts {
  /** All that a file has to hold, index buffers included, a tied head once. */
  readonly stored: number
  /** Of these, indices of permutations. */
  readonly indices: number
  /** Floating-point numbers without an output head of its own. */
  readonly withoutHead: number
  /** The same with an output head of its own as a plain matrix, which is what untying the head of a compressed embedding takes. */
  readonly withUntiedHead: number
}

/**
 * The counts of what a plan makes of a model whose weights are plain. For tq81 of a GPT-2 small `withoutHead` and `withUntiedHead` are the
 * 81,336,388 and 119,933,764 of TQCompressedGPT-2 (arXiv 2401.16367).
 */
export const planCounts = (plan: Plan, config: ModelConfig): PlanCounts => {
  const plans = finalWeights(plan)
  const sizes = weightSizes(config)
  let numbers = Object.values(tensorShapes(config)).reduce((sum, shape) => sum + sizeOf(shape), 0)
  let indices = 0
  for (const [name, size] of Object.entries(sizes)) {
    const planned = Object.hasOwn(plans, name) ? plans[name] : undefined
    const own = planned === undefined ? 0 : indexCount(planned, size)
    indices += own
    numbers += planned === undefined ? sizeOf(size) : storedParameters(planned, size) - own
  }
  const head = config.vocab_size * config.n_embd
  const ownHead = !Object.hasOwn(sizes, "lm_head")
    ? 0
    : Object.hasOwn(plans, "lm_head")
      ? storedParameters(plans.lm_head, sizes.lm_head) - indexCount(plans.lm_head, sizes.lm_head)
      : head
  return {
    stored: numbers + indices,
    indices,
    withoutHead: numbers - ownHead,
    withUntiedHead: numbers - ownHead + head
  }
}
