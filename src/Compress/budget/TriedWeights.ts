import { type Gpt2, weightSizes } from "../../Model/Gpt2.ts"
import { kroneckerPlans } from "./Candidates.ts"
import type { MeasuredWeight, WeightMetrics } from "./MeasuredWeight.ts"

/** Layers in which a kind of weight is tried: of large matrices, whose searches take long, the middle one. */
const layersTried = { most: 3, ofLarge: 1 }
/** Matrices of more numbers, such as the embedding of a large vocabulary, are not tried: their low ranks have to do. */
const largestTried = 1 << 23

/** Whether a search among the weight's permutations takes seconds and more. */
export const isLarge = ({ inputs, outputs }: Omit<Sized, "name">): boolean => inputs * outputs >= 1 << 19

/** A weight by name and size. */
type Sized = Pick<MeasuredWeight, "name" | "inputs" | "outputs">

/** One kind of weight, such as "mlp.c_fc", in the layers' order. */
type Kind<A extends Sized> = ReadonlyArray<A>

/** The metrics of the weights that are tried, by name: see `triedWeights`. */
export type TriedMetrics = Readonly<Record<string, WeightMetrics>>

/** The weights whose metrics `kroneckerCandidates` will ask for. */
export const triedWeights = (model: Gpt2): ReadonlySet<string> => {
  const sizes = Object.entries(weightSizes(model.config)).map(
    ([name, [inputs, outputs]]): Sized => ({ name, inputs, outputs })
  )
  return new Set(kindsOf(sizes).flatMap((kind) => layersToTry(kind).map((layer) => kind[layer].name)))
}

/** The weights that can be Kronecker sums, by kind. */
export const kindsOf = <A extends Sized>(weights: ReadonlyArray<A>): ReadonlyArray<Kind<A>> => {
  const kinds = new Map<string, Array<A>>()
  for (const weight of weights) {
    if (kroneckerPlans(weight).length === 0 || weight.inputs * weight.outputs > largestTried) continue
    const kind = /^h\.\d+\.(.*)$/.exec(weight.name)?.[1] ?? weight.name
    kinds.set(kind, [...(kinds.get(kind) ?? []), weight])
  }
  return [...kinds.values()]
}

/** Places in a kind, ascending. */
export const layersToTry = (kind: Kind<Sized>): ReadonlyArray<number> => {
  const most = isLarge(kind[0]) ? layersTried.ofLarge : layersTried.most
  const count = Math.min(most, kind.length)
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? Math.floor(kind.length / 2) : Math.round((i * (kind.length - 1)) / (count - 1))
  )
}
