import { assert } from "@effect/vitest"

/** What a body throws; fails where it throws nothing. */
export const thrownBy = (body: () => unknown): unknown => {
  try {
    body()
  } catch (error) {
    return error
  }
  assert.fail("nothing failed")
}
