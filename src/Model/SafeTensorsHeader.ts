import { Effect, Result, Schema } from "effect"
import type { Shape } from "../Tensor/Tensor.ts"
import { ModelFileError, quoted } from "./Errors.ts"
import { parseJson } from "./JsonText.ts"
import {
  codeOfDType,
  dtypeCodes,
  dtypeOfCode,
  elementCount,
  storedBytesPerElement,
  type StoredDType
} from "./StoredDType.ts"

/** Longest header that is read or written, in bytes: the format's own limit. */
export const maximumHeaderBytes = 100_000_000

// A tensor takes about ten values, so these are some 25,000 tensors, of which large models have hundreds. It
// bounds what a hostile header can make us build.
const headerLimits = { depth: 3, values: 1 << 18 }

/** What a tensor is, without its elements. */
export interface TensorLayout {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: Shape
}

/** A tensor's type and shape in words, for messages. */
export const describeLayout = ({ dtype, shape }: Pick<TensorLayout, "dtype" | "shape">): string =>
  `${dtype} of shape [${shape.join(", ").slice(0, 200)}]`

/** Where a tensor lies: bytes `begin` to `end` (exclusive) of the data that follows the header. */
export interface TensorSpan extends TensorLayout {
  readonly begin: number
  readonly end: number
}

/**
 * What a safetensors header says; `spans` are in the order of the data and cover it from 0 on without a gap.
 */
export interface SafeTensorsHeader {
  readonly metadata: ReadonlyMap<string, string>
  readonly spans: ReadonlyArray<TensorSpan>
}

// -0 is an integer too, and equal to 0 nearly everywhere: keep it out.
const Count = Schema.Int.check(
  Schema.makeFilter((n) => n >= 0 && !Object.is(n, -0), { expected: "a count of 0 or more" })
)

const Entry = Schema.Struct({
  dtype: Schema.Literals(dtypeCodes),
  shape: Schema.Array(Count),
  data_offsets: Schema.Tuple([Count, Count])
})

const decodeEntry = Schema.decodeUnknownResult(Entry, { onExcessProperty: "error", reportInput: true })
const decodeMetadata = Schema.decodeUnknownResult(Schema.Record(Schema.String, Schema.String))

const metadataKey = "__metadata__"

/**
 * Reads and checks a safetensors header; `dataBytes` is the length of what follows it in the file. Everything
 * that the format demands is checked: known dtypes, shapes that agree with the offsets, offsets inside the
 * data, no byte used twice and (as the reference implementation demands, too) none left over. Fails with
 * `ModelFileError`.
 */
export const parseHeader = Effect.fnUntraced(function* (
  path: string,
  text: string,
  dataBytes: number
): Effect.fn.Return<SafeTensorsHeader, ModelFileError> {
  const fail = (reason: string, tensor?: string) =>
    new ModelFileError(tensor === undefined ? { path, reason } : { path, reason, tensor })

  if (!text.startsWith("{"))
    return yield* fail("the header does not begin with {; this is not a safetensors file")
  const json = parseJson(text, headerLimits)
  if (Result.isFailure(json)) return yield* fail(`the header ${json.failure}`)

  let metadata: ReadonlyMap<string, string> = new Map()
  const spans: Array<TensorSpan> = []
  for (const [name, value] of Object.entries(json.success as object)) {
    if (name === metadataKey) {
      const decoded = decodeMetadata(value)
      if (Result.isFailure(decoded)) return yield* fail(`${metadataKey} is not a map of strings to strings`)
      metadata = new Map(Object.entries(decoded.success))
      continue
    }
    const span = yield* Effect.fromResult(
      Result.mapError(parseEntry(name, value, dataBytes), (reason) => fail(reason, name))
    )
    spans.push(span)
    if (spans.length % 1024 === 0) yield* Effect.yieldNow
  }

  spans.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let covered = 0
  for (const [i, span] of spans.entries()) {
    if (span.begin < covered) {
      return yield* fail(`its data overlaps that of tensor ${quoted(spans[i - 1].name)}`, span.name)
    }
    if (span.begin > covered) {
      return yield* fail(`${span.begin - covered} bytes of data before it belong to no tensor`, span.name)
    }
    covered = span.end
  }
  if (covered !== dataBytes) {
    return yield* fail(`${dataBytes - covered} bytes at the end of the file belong to no tensor`)
  }
  return { metadata, spans }
})

const parseEntry = (name: string, value: unknown, dataBytes: number): Result.Result<TensorSpan, string> => {
  if (!name.isWellFormed()) return Result.fail("the name is not valid Unicode")
  const decoded = decodeEntry(value)
  if (Result.isFailure(decoded)) {
    return Result.fail(
      `in the header: ${decoded.failure.message.slice(0, 400).replaceAll("\n  at ", " at ")}`
    )
  }
  const { dtype: code, shape } = decoded.success
  const [begin, end] = decoded.success.data_offsets
  const dtype = dtypeOfCode(code)
  const layout = { dtype, shape }
  const bytes = byteLength(layout)
  if (bytes === undefined) return Result.fail(`${describeLayout(layout)} has too many elements`)
  if (end < begin || end - begin !== bytes) {
    return Result.fail(
      `${describeLayout(layout)} takes ${bytes} bytes, but its offsets are ${begin} to ${end}`
    )
  }
  if (end > dataBytes) {
    return Result.fail(
      `its data ends at byte ${end}, but the file has ${dataBytes} bytes of data: it was cut short`
    )
  }
  return Result.succeed({ name, dtype, shape, begin, end })
}

/** Bytes that a tensor takes in a file; undefined where that is no exact number. */
const byteLength = ({ dtype, shape }: Pick<TensorLayout, "dtype" | "shape">): number | undefined => {
  const count = elementCount(shape)
  const bytes = count === undefined ? undefined : count * storedBytesPerElement(dtype)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/**
 * A header as it stands in a file, from the length's 8 bytes to the padding, and where each tensor's data
 * will be.
 */
export interface EncodedHeader {
  readonly bytes: Uint8Array
  readonly spans: ReadonlyArray<TensorSpan>
}

/**
 * Lays tensors out in a file and writes the header that says so. Wider elements come first and the header is
 * padded to 8 bytes, so that each tensor lies at a multiple of its element's size; otherwise the order is the
 * one given. Fails with `ModelFileError` for names that are used twice, reserved or not valid Unicode, for
 * shapes that are none, and for headers beyond what `parseHeader` reads.
 */
export const encodeHeader = Effect.fnUntraced(function* (
  path: string,
  tensors: ReadonlyArray<TensorLayout>,
  metadata: Readonly<Record<string, string>>
): Effect.fn.Return<EncodedHeader, ModelFileError> {
  const names = new Set<string>()
  const parts: Array<string> = []
  if (Object.keys(metadata).length > 0) parts.push(`"${metadataKey}":${JSON.stringify(metadata)}`)

  const spans: Array<TensorSpan> = []
  let begin = 0
  let values = 3 + Object.keys(metadata).length
  const width = ({ dtype }: TensorLayout) => storedBytesPerElement(dtype)
  for (const { name, dtype, shape } of tensors.toSorted((a, b) => width(b) - width(a))) {
    const fail = (reason: string) => new ModelFileError({ path, tensor: name, reason })
    if (names.has(name)) return yield* fail("two tensors have this name")
    if (name === metadataKey || !name.isWellFormed())
      return yield* fail("the format does not allow this name")
    const bytes = byteLength({ dtype, shape })
    if (bytes === undefined) return yield* fail(`[${shape.join(", ")}] is not a shape that can be stored`)
    const end = begin + bytes
    names.add(name)
    spans.push({ name, dtype, shape, begin, end })
    const entry = { dtype: codeOfDType(dtype), shape, data_offsets: [begin, end] }
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    begin = end
    values += 8 + shape.length
  }

  const json = new TextEncoder().encode(`{${parts.join(",")}}`)
  const padded = Math.ceil(json.length / 8) * 8
  if (padded > maximumHeaderBytes || values > headerLimits.values) {
    const reason = `a header of ${padded} bytes for ${tensors.length} tensors is beyond what is read; split the file`
    return yield* new ModelFileError({ path, reason })
  }
  const bytes = new Uint8Array(8 + padded).fill(" ".charCodeAt(0))
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(json, 8)
  return { bytes, spans }
})
