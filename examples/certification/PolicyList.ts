import { Option } from "effect"
import { Flag } from "effect/cli"

/** A policy as the command line names it; `amount` is sweeps, episodes or updates. */
export type PolicyName =
  | { readonly kind: "uniform" | "optimal" | "linear" }
  | { readonly kind: "vi" | "reinforce" | "actor-critic"; readonly amount: number }
  | { readonly kind: "file"; readonly path: string }

const counted = ["vi", "reinforce", "actor-critic"] as const

/** Updates that make CartPole's actor-critic as good as it gets. */
const enoughUpdates = 100

const wholeNumber = /^\d+$/

/** The names in a list such as uniform,vi:0,2,5,reinforce:1000: a number alone is more of what was counted before. */
export const parsePolicies = (text: string): ReadonlyArray<PolicyName> | undefined => {
  const names: Array<PolicyName> = []
  for (const word of text.split(",").map((part) => part.trim())) {
    const before = names.at(-1)
    const [head, rest] = word.split(":", 2)
    const kind = counted.find((name) => name === head)
    if (word === "") return undefined
    if (word === "uniform" || word === "optimal" || word === "linear") names.push({ kind: word })
    else if (word === "actor-critic") names.push({ kind: word, amount: enoughUpdates })
    else if (kind !== undefined) {
      if (rest === undefined || !wholeNumber.test(rest)) return undefined
      names.push({ kind, amount: Number(rest) })
    } else if (wholeNumber.test(word)) {
      if (before === undefined || !("amount" in before)) return undefined
      names.push({ kind: before.kind, amount: Number(word) })
    } else names.push({ kind: "file", path: word })
  }
  return names
}

export const policyText = (name: PolicyName): string =>
  name.kind === "file" ? name.path : "amount" in name ? `${name.kind}:${name.amount}` : name.kind

/** A flag's list of policies. */
export const policies = Flag.filterMap(
  (text: string) => Option.fromUndefinedOr(parsePolicies(text)),
  (text) =>
    `"${text}" is no list of policies: give uniform, optimal, vi:SWEEPS, reinforce:EPISODES, linear, actor-critic:UPDATES or a file, ` +
    "with commas between them, such as vi:0,2,5"
)
