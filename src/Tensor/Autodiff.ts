import { ShapeError } from "./Errors.ts"
import { requireFloat } from "./ops/arguments.ts"
import { type Region, type Tape, tensorsIn } from "./Region.ts"
import { sizeOf, type Storage, type Tensor } from "./Tensor.ts"

export interface ValueAndGradients<Aux> {
  readonly value: Tensor
  readonly gradients: Record<string, Tensor>
  readonly aux: Aux
}

/**
 * The gradients of a scalar for named parameters, by reverse mode. Tensors that `body` makes are freed as soon as no
 * gradient needs them, unless it returns them as `aux`. A parameter that the value does not depend on has gradient zero.
 */
export const valueAndGradients = <Aux = undefined>(
  r: Region,
  parameters: Readonly<Record<string, Tensor>>,
  body: () => { readonly value: Tensor; readonly aux?: Aux }
): ValueAndGradients<Aux> => {
  if (r.tape !== undefined)
    throw new ShapeError({
      operation: "valueAndGradients",
      reason: "second derivatives are not supported",
      shapes: []
    })
  const entries = Object.entries(parameters)
  for (const [, x] of entries) {
    r.check("valueAndGradients", x)
    requireFloat("valueAndGradients", x)
  }
  const tape: Tape = { nodes: [], tracked: new Set(entries.map(([, x]) => x)) }
  r.tape = tape
  try {
    r.recording = true
    const result = body()
    r.recording = false
    return differentiate(r, tape, entries, result.value, result.aux as Aux)
  } finally {
    r.tape = undefined
    r.recording = false
  }
}

const differentiate = <Aux>(
  r: Region,
  tape: Tape,
  parameters: ReadonlyArray<readonly [string, Tensor]>,
  value: Tensor,
  aux: Aux
): ValueAndGradients<Aux> => {
  if (sizeOf(value.shape) !== 1)
    throw new ShapeError({
      operation: "valueAndGradients",
      reason: "the value must be one number",
      shapes: [value.shape]
    })
  const kept = new Set<Tensor>([value, ...tensorsIn(aux)])
  const gradients = backward(r, tape, value, kept)
  const handedOut = new Set<Storage>()
  // Rules may hand one gradient to several inputs; each parameter gets memory of its own, which may be written in place.
  const own = (x: Tensor): Tensor => {
    const gradient = gradients.get(x)
    if (gradient === undefined) return r.make(x.shape, x.dtype, r.kernels.fill(0, x.shape, x.dtype))
    if (!handedOut.has(gradient.storage)) {
      handedOut.add(gradient.storage)
      return gradient
    }
    const start = x.shape.map(() => 0)
    return r.make(x.shape, x.dtype, r.kernels.slice(gradient, start, x.shape))
  }
  return { value, aux, gradients: Object.fromEntries(parameters.map(([name, x]) => [name, own(x)])) }
}

const backward = (r: Region, tape: Tape, value: Tensor, kept: ReadonlySet<Tensor>): Map<Tensor, Tensor> => {
  const gradients = new Map<Tensor, Tensor>()
  if (tape.tracked.has(value))
    gradients.set(value, r.make(value.shape, value.dtype, r.kernels.fill(1, value.shape, value.dtype)))
  const nodes = tape.nodes
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { output, inputs, backward: rule, saved } = nodes[i]
    const gradient = gradients.get(output)
    if (gradient !== undefined) {
      gradients.delete(output)
      r.tidy(() => {
        const parts = rule(gradient)
        const made: Array<Tensor> = []
        inputs.forEach((input, j) => {
          const part = parts[j]
          if (part === undefined || !tape.tracked.has(input)) return
          const earlier = gradients.get(input)
          const next =
            earlier === undefined
              ? r.alias(part, input.shape)
              : r.make(input.shape, input.dtype, r.kernels.binary("add", earlier, part, input.shape))
          if (earlier !== undefined) r.release(earlier)
          gradients.set(input, next)
          made.push(next)
        })
        return made
      })
      r.release(gradient)
    }
    for (const x of saved) if (!kept.has(x)) r.release(x)
    if (!kept.has(output)) r.release(output)
  }
  return gradients
}
