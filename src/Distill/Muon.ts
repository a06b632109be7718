import type { Operations, Shape, Tensor } from "../Tensor/index.ts"
import { type AdamWSettings, adamW } from "./AdamW.ts"
import { type Optimizer, type ParameterGroup, settingsOf, type Tensors, type Update } from "./Optimizer.ts"

export interface MuonSettings {
  /** Decay of the momentum, in [0, 1); default 0.95. */
  readonly momentum?: number
  /** Newton-Schulz steps; default 5. */
  readonly iterations?: number
  /** Decoupled, as AdamW's; default 0.1. */
  readonly weightDecay?: number
  /** Which parameters Muon updates; default: the matrices of the blocks (`h.`), not embeddings, positions or a head. Of others it takes only matrices. */
  readonly hidden?: (name: string, shape: Shape) => boolean
  /** How many matrices stand side by side in one parameter; default 3 for `c_attn.weight` (query, key, value), else 1. */
  readonly blocks?: (name: string, shape: Shape) => number
  /** For hidden matrices; those of `adamW` are its own. */
  readonly groups?: ReadonlyArray<ParameterGroup>
  /** For all other parameters. */
  readonly adamW?: AdamWSettings
}

/** At most this many numbers are orthogonalised in one stack: enough to fill a device, little beside a model. */
const stackElements = 1 << 22

/**
 * Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024): the Nesterov momentum of each hidden matrix is replaced by
 * the nearest semi-orthogonal matrix, all others follow AdamW. The update is scaled by 0.2 sqrt(max(rows, columns)), so that its root mean
 * square is that of AdamW's and one learning rate serves both (Liu et al., "Muon is scalable for LLM training", 2025, eq. 4). One moment for each
 * hidden matrix: NAME.momentum.
 */
export const muon = (settings: MuonSettings = {}): Optimizer => {
  const { momentum = 0.95, iterations = 5, weightDecay = 0.1, groups = [] } = settings
  const { hidden = isHiddenMatrix, blocks = sideBySide } = settings
  const others = adamW(settings.adamW)

  const isHidden = (name: string, x: Tensor) => x.shape.length === 2 && hidden(name, x.shape)
  const part = (tensors: Tensors, wanted: boolean): Tensors =>
    Object.fromEntries(Object.entries(tensors).filter(([name, x]) => isHidden(name, x) === wanted))

  const initialMoments = (t: Operations, parameters: Tensors) => ({
    ...others.initialMoments(t, part(parameters, false)),
    ...Object.fromEntries(
      Object.entries(part(parameters, true)).map(([name, x]) => [
        `${name}.momentum`,
        t.full(x.shape, 0, x.dtype)
      ])
    )
  })

  const updateStack = (t: Operations, names: ReadonlyArray<string>, update: Update) => {
    const stacks = names.map((name) => {
      const velocity = update.moments[`${name}.momentum`]
      const gradient = t.multiply(update.gradients[name], update.scale)
      t.assign(velocity, t.add(t.multiply(velocity, momentum), gradient))
      const ahead = t.add(t.multiply(velocity, momentum), gradient)
      return toWideStack(t, ahead, blocks(name, ahead.shape))
    })
    const directions = orthogonalize(t, t.concatenate(stacks, 0), iterations)
    let offset = 0
    names.forEach((name, i) => {
      const parameter = update.parameters[name]
      const own = settingsOf(name, parameter.shape, weightDecay, groups)
      const rate = update.learningRate * own.learningRate
      const [count, m, n] = stacks[i].shape
      const direction = fromWideStack(t, t.slice(directions, [offset, 0, 0], [count, m, n]), parameter.shape)
      offset += count
      const kept = t.multiply(parameter, 1 - rate * own.weightDecay)
      t.assign(parameter, t.subtract(kept, t.multiply(direction, rate * 0.2 * Math.sqrt(n))))
    })
  }

  const update = (t: Operations, whole: Update) => {
    const { parameters } = whole
    for (const names of stacksOf(part(parameters, true), blocks)) t.tidy(() => updateStack(t, names, whole))
    others.update(t, { ...whole, parameters: part(parameters, false) })
  }

  const describe = (parameters: Tensors) => ({
    optimizer: "Muon",
    momentum,
    iterations,
    matrices: Object.fromEntries(
      Object.entries(part(parameters, true)).map(([name, { shape }]) => {
        const own = settingsOf(name, shape, weightDecay, groups)
        return [name, [own.learningRate, own.weightDecay, blocks(name, shape)]]
      })
    ),
    others: others.describe(part(parameters, false))
  })

  return { initialMoments, update, describe }
}

const isHiddenMatrix = (name: string): boolean => /(^|\.)h\.\d+\./.test(name)

const sideBySide = (name: string): number => (name.endsWith("c_attn.weight") ? 3 : 1)

/** Names of parameters whose matrices have equal shapes but for a transposition, in stacks of bearable size. */
const stacksOf = (
  parameters: Tensors,
  blocks: (name: string, shape: Shape) => number
): ReadonlyArray<ReadonlyArray<string>> => {
  const stacks: Array<ReadonlyArray<string>> = []
  const open = new Map<string, { names: Array<string>; elements: number }>()
  for (const [name, { shape }] of Object.entries(parameters)) {
    const [rows, columns] = [shape[0], shape[1] / blocks(name, shape)]
    const wide = `${Math.min(rows, columns)} ${Math.max(rows, columns)}`
    const elements = shape[0] * shape[1]
    let stack = open.get(wide)
    if (stack === undefined || stack.elements + elements > stackElements) {
      stack = { names: [], elements: 0 }
      stacks.push(stack.names)
      open.set(wide, stack)
    }
    stack.names.push(name)
    stack.elements += elements
  }
  return stacks
}

// x: [m, count n] -> [count, min(m, n), max(m, n)]
const toWideStack = (t: Operations, x: Tensor, count: number): Tensor => {
  const [m, n] = [x.shape[0], x.shape[1] / count]
  const stack = count === 1 ? t.reshape(x, [1, m, n]) : t.transpose(t.reshape(x, [m, count, n]), [1, 0, 2])
  return m > n ? t.transpose(stack, [0, 2, 1]) : stack
}

// The inverse: stack: [count, min(m, n), max(m, n)] -> [m, count n]
const fromWideStack = (t: Operations, stack: Tensor, shape: Shape): Tensor => {
  const count = stack.shape[0]
  const upright = shape[0] > shape[1] / count ? t.transpose(stack, [0, 2, 1]) : stack
  return t.reshape(count === 1 ? upright : t.transpose(upright, [1, 0, 2]), shape)
}

/**
 * Nearly U Vᵀ for each matrix U S Vᵀ of a stack [count, m, n], m <= n: the odd quintic a x + b x^3 + c x^5 applied to the singular values a few times
 * brings all that are not tiny to between about 0.7 and 1.2 (Jordan et al., 2024).
 */
export const orthogonalize = (t: Operations, matrices: Tensor, iterations: number): Tensor => {
  const [a, b, c] = [3.4445, -4.775, 2.0315]
  const [, m] = matrices.shape
  const along = { axes: [1, 2], keepDimensions: true }
  let x = t.divide(matrices, t.add(t.sqrt(t.sumOfSquares(matrices, along)), 1e-7))
  const identity = scaledIdentity(t, m, a, x)
  for (let i = 0; i < iterations; i++) {
    x = t.tidy(() => {
      const gram = t.matmul(x, x, { transposeB: true })
      const quadratic = t.add(t.multiply(gram, b), t.multiply(t.matmul(gram, gram), c))
      return t.matmul(t.add(quadratic, identity), x)
    })
  }
  return x
}

// a I of size [m, m], on the device.
const scaledIdentity = (t: Operations, m: number, a: number, like: Tensor): Tensor => {
  // A column of ones beside m x m zeros, read row by row in rows of m: the ones lie m + 1 apart.
  const row = t.pad(t.full([1], a, like.dtype), [0], [m])
  const rows = t.reshape(t.broadcastTo(t.reshape(row, [1, m + 1]), [m, m + 1]), [m * (m + 1)])
  return t.reshape(t.slice(rows, [0], [m * m]), [m, m])
}
