import { assert } from "@effect/vitest"

/** Largest difference over the largest finite magnitude expected, or over `least`; NaN and infinities must agree exactly. */
export const relativeDifference = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  least = 1e-30
): number => {
  let difference = 0
  let magnitude = least
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) {
      if (Number.isFinite(expected[i])) magnitude = Math.max(magnitude, Math.abs(expected[i]))
      continue
    }
    if (!Number.isFinite(actual[i]) || !Number.isFinite(expected[i])) return Infinity
    magnitude = Math.max(magnitude, Math.abs(expected[i]))
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]))
  }
  return difference / magnitude
}

export const assertClose = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance = 1e-12,
  what = "values"
): void => {
  assert.strictEqual(actual.length, expected.length, `${what}: count of elements`)
  const difference = relativeDifference(actual, expected)
  if (!(difference <= tolerance))
    assert.fail(
      `${what} differ by ${difference} (allowed ${tolerance}):\n` +
        `  got      ${Array.from(actual).slice(0, 12).join(", ")}\n` +
        `  expected ${Array.from(expected).slice(0, 12).join(", ")}`
    )
}
