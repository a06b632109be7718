import { key } from "../../../src/Random/index.ts"
import { Parameter, random, Space } from "../../../src/TetraOpt/index.ts"

/** A space with a real number, a whole one and a choice, and a function on it whose minimum is 0 at (0.3, 5, "b"). */
export const bowlSpace = Space.make({
  x: Parameter.float(0, 1),
  n: Parameter.int(1, 9),
  choice: Parameter.categorical(["a", "b"])
})

export interface Bowl {
  readonly x: number
  readonly n: number
  readonly choice: "a" | "b"
}

export const bowl = ({ x, n, choice }: Bowl): number =>
  (x - 0.3) ** 2 + ((n - 5) / 10) ** 2 + (choice === "b" ? 0 : 0.5)

/** What the tests' studies have in common. */
export const common = { key: key("bowl"), sampler: random, name: "bowl" } as const
