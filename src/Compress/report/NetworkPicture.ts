import { type Box, boxMap, type Figure } from "../../Report/index.ts"
import { percent } from "./RunRecord.ts"
import { shareKept, type WeightFacts } from "./WeightFacts.ts"

/** The layer that a weight belongs to, and its name there; embeddings and heads belong to none. */
export const placeOf = (name: string): { readonly layer: number | undefined; readonly part: string } => {
  const parts = /^h\.(\d+)\.(.+)$/.exec(name)
  return parts === null ? { layer: undefined, part: name } : { layer: Number(parts[1]), part: parts[2] }
}

const layersOf = (weights: ReadonlyArray<WeightFacts>): ReadonlyArray<number> =>
  [...new Set(weights.flatMap(({ name }) => placeOf(name).layer ?? []))].toSorted((a, b) => a - b)

const size = ({ inputs, outputs }: WeightFacts): number => inputs * outputs

const total = (weights: ReadonlyArray<WeightFacts>): number =>
  weights.reduce((sum, weight) => sum + size(weight), 0)

const inBox = (weight: WeightFacts, title: string): Pick<Box, "value" | "lines"> => ({
  value: shareKept(weight),
  lines:
    weight.format === "dense"
      ? [title, "as it was"]
      : [`${title}: ${percent(shareKept(weight), 0)}`, weight.label]
})

/**
 * The plan as a picture of the network, from the embedding down to the head: a row is a layer, a box a weight, its area what the
 * matrix had of numbers and its colour which share of them is kept.
 */
export const networkPicture = (weights: ReadonlyArray<WeightFacts>): Figure => {
  const layers = layersOf(weights).map((layer) => ({
    layer,
    own: weights.filter(({ name }) => placeOf(name).layer === layer)
  }))
  // A layer's row has height 1; a weight outside the layers takes a row of a height for its numbers, from 0.85 (two lines of text) to 4.
  const unit = layers.length === 0 ? 1 : Math.max(1, ...layers.map(({ own }) => total(own)))
  const outside = weights.filter(({ name }) => placeOf(name).layer === undefined)
  const boxes: Array<Box> = []
  let y = 0
  const row = (own: ReadonlyArray<WeightFacts>, height: number, titleOf: (part: string) => string) => {
    let x = 0
    for (const weight of own) {
      const width = size(weight) / total(own)
      boxes.push({ x, y, width, height, ...inBox(weight, titleOf(placeOf(weight.name).part)) })
      x += width
    }
    y += height
  }
  const alone = (name: string) => {
    const weight = outside.filter((one) => one.name === name)
    if (weight.length > 0)
      row(weight, Math.min(4, Math.max(0.85, total(weight) / unit)), (part) =>
        part === "wte" ? "wte (embedding)" : part
      )
  }
  alone("wte")
  for (const { layer, own } of layers) row(own, 1, (part) => `${layer} ${part.replace(/^(attn|mlp)\./, "")}`)
  for (const { name } of outside) if (name !== "wte") alone(name)
  const kept = weights.reduce((sum, weight) => sum + weight.storedParameters, 0)
  const replaced = weights.filter(({ format }) => format !== "dense").length
  return boxMap({
    title: "The network, and what is kept of it",
    description:
      `${replaced} of ${weights.length} weights are stored in another format; of all matrices' numbers ` +
      `${percent(kept / total(weights))} are kept.`,
    boxes,
    value: { label: "share of the numbers kept", domain: [0, 1] },
    width: 1040,
    height: Math.max(40, y * 40)
  })
}
