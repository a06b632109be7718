import { Effect } from "effect"
import type { Key } from "../../Random/index.ts"
import { StudyMismatchError } from "../Errors.ts"
import { thisProcess } from "./Owner.ts"
import { type Entry, type Opened, version } from "./Record.ts"
import type { Goal } from "./Trial.ts"

export interface Identity {
  readonly name: string
  readonly goal: Goal
  readonly sampler: string
  readonly key: Key
  readonly space: { readonly description: string }
}

interface Description {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly constraints: ReadonlyArray<string>
}

type OpenedEntry = Extract<Entry, { readonly type: "opened" }>

/** What a process that opens a study says of it and of itself. */
export const openedEntry = ({ space, ...identity }: Identity, at: number): OpenedEntry => ({
  type: "opened",
  version,
  ...identity,
  space: JSON.parse(space.description),
  ...thisProcess(),
  at
})

/** Fails with `StudyMismatchError` where a journal's study is not the one that is asked for, and names what differs. */
export const checkIdentity = (
  path: string,
  stored: Opened,
  wanted: OpenedEntry
): Effect.Effect<void, StudyMismatchError> => {
  const pairs = [
    ["name", stored.name, wanted.name],
    ...spaceParts(stored, wanted),
    ["goal", stored.goal, wanted.goal],
    ["sampler", stored.sampler, wanted.sampler],
    ["random key", stored.key, wanted.key]
  ] as ReadonlyArray<readonly [string, unknown, unknown]>
  const difference = pairs.find(([, then, now]) => JSON.stringify(then) !== JSON.stringify(now))
  if (difference === undefined) return Effect.void
  const [what, then, now] = difference
  return Effect.fail(new StudyMismatchError({ path, what, stored: shown(then), wanted: shown(now) }))
}

const spaceParts = (
  { space: stored }: Opened,
  { space: wanted }: OpenedEntry
): ReadonlyArray<readonly [string, unknown, unknown]> => {
  if (!(isDescription(stored) && isDescription(wanted))) return [["space", stored, wanted]]
  const names = new Set([...Object.keys(stored.parameters), ...Object.keys(wanted.parameters)])
  return [
    ...[...names].map(
      (name) => [`parameter ${name}`, stored.parameters[name], wanted.parameters[name]] as const
    ),
    ["order of parameters", Object.keys(stored.parameters), Object.keys(wanted.parameters)],
    ["list of constraints", stored.constraints, wanted.constraints]
  ]
}

const isDescription = (space: unknown): space is Description =>
  typeof space === "object" && space !== null && "parameters" in space && "constraints" in space

const shown = (value: unknown): string =>
  value === undefined ? "not there" : JSON.stringify(value).slice(0, 200)
