import { Schema } from "effect"
import { Key } from "../../Random/index.ts"
import type { Outcome } from "./Trial.ts"

const version = 1

/** A number as JSON holds it: NaN and the infinities are text there. */
const AnyNumber = Schema.Union([Schema.Finite, Schema.Literals(["NaN", "Infinity", "-Infinity"])])

const Category = Schema.Union([Schema.Finite, Schema.String, Schema.Boolean])

/** Coordinates; null where a parameter does not exist. */
const Row = Schema.Array(Schema.NullOr(Schema.Finite))

/** Who wrote a record, one opening of the study by one process, and how many it had written before. */
const by = { by: Schema.String, n: Schema.Natural }

/** A process opened the study: what it takes it to be. The first of these in the file says what the study is. */
export const Opened = Schema.Struct({
  type: Schema.Literal("opened"),
  ...by,
  version: Schema.Literal(version),
  name: Schema.String,
  goal: Schema.Literals(["minimise", "maximise"]),
  sampler: Schema.String,
  key: Key,
  space: Schema.Json,
  host: Schema.String,
  process: Schema.Int,
  thread: Schema.Int,
  /** When that process began, where the system tells: process numbers are used again. */
  began: Schema.optionalKey(Schema.String),
  at: Schema.Finite
})
export type Opened = typeof Opened.Type

/** Points asked for together: one line, so that a kill leaves all or none of them. */
const Asked = Schema.Struct({
  type: Schema.Literal("asked"),
  ...by,
  at: Schema.Finite,
  trials: Schema.Array(
    Schema.Struct({
      number: Schema.Natural,
      row: Row,
      configuration: Schema.Record(Schema.String, Category)
    })
  )
})

/** Trials taken over from an owner that is no more, or from none. */
const Claimed = Schema.Struct({
  type: Schema.Literal("claimed"),
  ...by,
  at: Schema.Finite,
  trials: Schema.Array(Schema.Struct({ number: Schema.Natural, from: Schema.NullOr(Schema.String) }))
})

/** Trials that their owner gives up, to be taken by anyone. */
const Released = Schema.Struct({
  type: Schema.Literal("released"),
  ...by,
  trials: Schema.Array(Schema.Natural)
})

/** An opening has ended: none of its trials goes on. */
const Closed = Schema.Struct({ type: Schema.Literal("closed"), ...by })

const Reported = Schema.Struct({
  type: Schema.Literal("reported"),
  ...by,
  trial: Schema.Natural,
  step: Schema.Finite,
  value: AnyNumber
})

const Told = Schema.Struct({
  type: Schema.Literal("told"),
  ...by,
  at: Schema.Finite,
  trial: Schema.Natural,
  /** Again, so that a result outlives damage to the line in which it was asked for. */
  row: Row,
  outcome: Schema.Union([
    Schema.Struct({ status: Schema.Literal("complete"), value: Schema.Finite }),
    Schema.Struct({ status: Schema.Literal("failed"), reason: Schema.String }),
    Schema.Struct({ status: Schema.Literal("pruned"), step: Schema.Finite, value: AnyNumber })
  ])
})

/** One line of a journal. */
export const Record = Schema.Union([Opened, Asked, Claimed, Released, Closed, Reported, Told])
export type Record = typeof Record.Type

/** A record before its writer has numbered it. */
export type Entry = Record extends infer R ? (R extends Record ? Omit<R, "by" | "n"> : never) : never

export const decodeRecord = Schema.decodeUnknownResult(Schema.fromJsonString(Record))

export const numberToJson = (value: number): typeof AnyNumber.Type =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"

export const rowToJson = (row: Float64Array): typeof Row.Type =>
  Array.from(row, (coordinate) => (Number.isNaN(coordinate) ? null : coordinate))

export const rowFromJson = (row: typeof Row.Type): Float64Array =>
  Float64Array.from(row, (coordinate) => coordinate ?? Number.NaN)

type ToldOutcome = (typeof Told.Type)["outcome"]

export const outcomeToJson = (outcome: Outcome): ToldOutcome =>
  outcome.status === "pruned" ? { ...outcome, value: numberToJson(outcome.value) } : outcome

export const outcomeFromJson = (outcome: ToldOutcome): Outcome =>
  outcome.status === "pruned" ? { ...outcome, value: Number(outcome.value) } : outcome

export { version }
