/** A number as a label has it, at most four characters of digits: 0.0123, 24.6, 3.11M, 1e-9. */
export const shortNumber = (value: number, digits = 3): string => {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return String(value)
  if (size === 0) return "0"
  if (size < 1e-3) return value.toExponential(digits - 1).replace(/\.?0+e/, "e")
  if (size >= 1e15) return value.toExponential(digits - 1).replace(/\.?0*e\+/, "e")
  const { unit, suffix } = units.find(({ from }) => size >= from) ?? { unit: 1, suffix: "" }
  const wholeDigits = Math.floor(Math.log10(size / unit)) + 1
  return `${Number((value / unit).toPrecision(Math.max(digits, wholeDigits)))}${suffix}`
}

// Up to 9999, digits are as short as a suffix.
const units = [
  { from: 1e12, unit: 1e12, suffix: "T" },
  { from: 1e9, unit: 1e9, suffix: "G" },
  { from: 1e6, unit: 1e6, suffix: "M" },
  { from: 1e4, unit: 1e3, suffix: "k" }
]
