import type { Axis } from "./Figure.ts"
import { shortNumber } from "./NumberText.ts"

/** An axis whose ends and marks are settled. */
export interface Scale {
  readonly type: "linear" | "log"
  readonly domain: readonly [number, number]
  readonly ticks: ReadonlyArray<number>
}

/** Whether an axis has a place for a value. */
export const hasPlace = (axis: Axis, value: number): boolean =>
  Number.isFinite(value) && (axis.scale !== "log" || value > 0)

/**
 * Where an axis begins and ends and what is marked on it: about `count` round numbers. The values given lie on it; without any, it is
 * 0 to 1, or 1 to 10.
 */
export const scaleOf = (axis: Axis, values: ReadonlyArray<number>, count = 6): Scale => {
  const type = axis.scale ?? "linear"
  const shown = values.filter((value) => hasPlace(axis, value))
  const [least, greatest] = axis.domain ?? extent(shown, type)
  if (type === "log") return { type, domain: [least, greatest], ticks: logTicks(least, greatest, count) }
  const step = roundStep((greatest - least) / count)
  // Divided by 1 / step where that is the whole number of the two, so that ticks are as round as can be.
  const at = (i: number) => (step >= 1 ? i * step : i / Math.round(1 / step))
  const [first, last] =
    axis.domain === undefined
      ? [Math.floor(least / step + 1e-9), Math.ceil(greatest / step - 1e-9)]
      : [Math.ceil(least / step - 1e-9), Math.floor(greatest / step + 1e-9)]
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => at(first + i))
  return { type, domain: axis.domain ?? [at(first), at(last)], ticks }
}

const extent = (values: ReadonlyArray<number>, type: Scale["type"]): readonly [number, number] => {
  if (values.length === 0) return type === "log" ? [1, 10] : [0, 1]
  let [least, greatest] = [values[0], values[0]]
  for (const value of values) {
    least = Math.min(least, value)
    greatest = Math.max(greatest, value)
  }
  if (type === "log") {
    const margin = Math.max((greatest / least) ** 0.04, 1.02)
    return [least / margin, greatest * margin]
  }
  if (least < greatest) return [least, greatest]
  const margin = Math.abs(least) / 10 || 0.5
  return [least - margin, greatest + margin]
}

// The nearest of 1, 2 and 5 times a power of ten that is not smaller.
const roundStep = (step: number): number => {
  const power = 10 ** Math.floor(Math.log10(step))
  return power * ([1, 2, 5].find((digit) => digit * power >= step * (1 - 1e-9)) ?? 10)
}

const logTicks = (least: number, greatest: number, count: number): ReadonlyArray<number> => {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(greatest))]
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const among = (digits: ReadonlyArray<number>) =>
    powers
      .flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
      .filter((tick) => tick >= least && tick <= greatest)
  const choices = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]].map(among)
  const dense = choices.find((ticks) => ticks.length >= Math.min(count, 4))
  if (dense === undefined) {
    // Less than a decade of a few numbers: a linear choice is as good.
    return scaleOf({ label: "", domain: [least, greatest] }, [], count).ticks.filter((tick) => tick > 0)
  }
  const every = Math.ceil(dense.length / (count + 2))
  return dense.filter((_, i) => i % every === 0)
}

/** Options of an axis' scale as Plot takes them. */
export const plotScale = (axis: Axis, scale: Scale) => ({
  type: scale.type,
  domain: [...scale.domain],
  ticks: [...scale.ticks],
  tickFormat: (value: number) => shortNumber(value),
  label: axis.label
})
