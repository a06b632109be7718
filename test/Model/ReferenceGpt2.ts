/** GPT-2 in plain float64 loops over one text, written from the paper's equations; shares no code with the library. */
export interface ReferenceModel {
  readonly width: number
  readonly heads: number
  readonly layers: number
  readonly vocabulary: number
  readonly epsilon: number
  /** A parameter's numbers by its Hugging Face name; weights as plain matrices. */
  readonly numbers: (name: string) => Float64Array
}

type Vector = Array<number>

const normalise = (x: Vector, gain: Float64Array, bias: Float64Array, epsilon: number): Vector => {
  const mean = x.reduce((total, value) => total + value, 0) / x.length
  const variance = x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * gain[i] + bias[i])
}

// matrix: [x.length, bias.length]
const affine = (x: Vector, matrix: Float64Array, bias: Float64Array): Vector =>
  Array.from(bias, (start, j) =>
    x.reduce((total, value, i) => total + value * matrix[i * bias.length + j], start)
  )

const gelu = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

const plus = (x: Vector, y: Vector): Vector => x.map((value, i) => value + y[i])

/** Logits of every position, [tokens][vocabulary], and the hidden states, [layers + 1][tokens][width]. */
export const referenceForward = (model: ReferenceModel, tokens: ReadonlyArray<number>) => {
  const { width, heads, layers, vocabulary, epsilon, numbers } = model
  const [wte, wpe] = [numbers("wte.weight"), numbers("wpe.weight")]
  const norm = (name: string, x: Vector) =>
    normalise(x, numbers(`${name}.weight`), numbers(`${name}.bias`), epsilon)
  const linear = (name: string, x: Vector) => affine(x, numbers(`${name}.weight`), numbers(`${name}.bias`))

  let x = tokens.map((token, position) =>
    Array.from({ length: width }, (_, i) => wte[token * width + i] + wpe[position * width + i])
  )
  const hidden = [x]
  for (let layer = 0; layer < layers; layer++) {
    const name = `h.${layer}`
    const qkv = x.map((row) => linear(`${name}.attn.c_attn`, norm(`${name}.ln_1`, row)))
    const size = width / heads
    const attended = qkv.map((row, position) => {
      const out: Vector = Array.from({ length: width }, () => 0)
      for (let head = 0; head < heads; head++) {
        const at = (vector: Vector, part: number, i: number) => vector[part * width + head * size + i]
        const scores = qkv.slice(0, position + 1).map((other) => {
          let score = 0
          for (let i = 0; i < size; i++) score += at(row, 0, i) * at(other, 1, i)
          return Math.exp(score / Math.sqrt(size))
        })
        const total = scores.reduce((sum, score) => sum + score, 0)
        scores.forEach((score, other) => {
          for (let i = 0; i < size; i++) out[head * size + i] += (score / total) * at(qkv[other], 2, i)
        })
      }
      return out
    })
    x = x.map((row, position) => plus(row, linear(`${name}.attn.c_proj`, attended[position])))
    x = x.map((row) => {
      const inner = linear(`${name}.mlp.c_fc`, norm(`${name}.ln_2`, row)).map(gelu)
      return plus(row, linear(`${name}.mlp.c_proj`, inner))
    })
    if (layer < layers - 1) hidden.push(x)
  }
  x = x.map((row) => norm("ln_f", row))
  hidden.push(x)
  const logits = x.map((row) =>
    Array.from({ length: vocabulary }, (_, token) =>
      row.reduce((total, value, i) => total + value * wte[token * width + i], 0)
    )
  )
  return { logits, hidden }
}
