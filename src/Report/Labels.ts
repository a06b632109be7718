import { escaped } from "./Markup.ts"
import { textWidth } from "./Legend.ts"

/** A text that belongs to a place, in pixels. */
export interface Label {
  readonly x: number
  readonly y: number
  readonly text: string
}

const lineHeight = 12
const distance = 8

/**
 * The labels beside their places, to the right where there is room and else to the left, moved down or up as far as it takes that
 * none lies on another; a thin line leads to those that were moved.
 */
export const placeLabels = (
  labels: ReadonlyArray<Label>,
  room: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }
): string => {
  const placed: Array<{ readonly left: number; readonly right: number; readonly y: number }> = []
  const drawn: Array<string> = []
  for (const { x, y, text } of labels.toSorted((a, b) => a.y - b.y)) {
    const length = textWidth(text)
    const isRight = x + distance + length <= room.right
    const left = isRight ? x + distance : x - distance - length
    const right = left + length
    const isFree = (at: number) =>
      at >= room.top + lineHeight / 2 &&
      at <= room.bottom - lineHeight / 2 &&
      placed.every(
        (other) => other.left > right || other.right < left || Math.abs(other.y - at) >= lineHeight
      )
    const moves = Array.from(
      { length: 2 * labels.length + 1 },
      (_, i) => (i % 2 === 0 ? -1 : 1) * Math.ceil(i / 2)
    )
    const at = moves.map((move) => y + move * lineHeight).find(isFree) ?? y
    placed.push({ left, right, y: at })
    const anchor = isRight ? left : right
    const leader =
      Math.abs(at - y) < 1
        ? ""
        : `<path d="M${x.toFixed(1)},${y.toFixed(1)}L${(anchor + (isRight ? -2 : 2)).toFixed(1)},${at.toFixed(1)}" stroke="currentColor" stroke-opacity="0.4" fill="none"/>`
    drawn.push(
      `${leader}<text x="${anchor.toFixed(1)}" y="${(at + 3.5).toFixed(1)}" text-anchor="${isRight ? "start" : "end"}">${escaped(text)}</text>`
    )
  }
  return drawn.join("")
}
