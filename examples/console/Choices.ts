import { Option } from "effect"
import { Flag } from "effect/cli"

const parts = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim())

/** A flag's comma-separated shares, each above 0 and at most 1. */
export const shares = Flag.filterMap(
  (text: string) => {
    const values = parts(text).map(Number)
    return values.every((value) => value > 0 && value <= 1) ? Option.some(values) : Option.none()
  },
  (text) => `"${text}" is no list of shares: give numbers above 0 and at most 1, such as 0.8,0.65`
)

/** A flag's comma-separated names, each one of those there are. */
export const namesAmong = <Name extends string>(names: ReadonlyArray<Name>) =>
  Flag.filterMap(
    (text: string) => {
      const chosen = parts(text).map((part) => names.find((name) => name === part))
      return chosen.every((name) => name !== undefined) ? Option.some(chosen) : Option.none()
    },
    (text) => `"${text}" names something else than ${names.join(", ")}`
  )
