import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire"
import { sizeOf } from "../Tensor/Tensor.ts"
import {
  type Attribute,
  bytesPerElement,
  elementTypeCodes,
  type GraphNode,
  type Initializer,
  type Port
} from "./Graph.ts"
import type { Network } from "./Network.ts"

/**
 * The protocol-buffer messages of onnx.proto, in the order of their field numbers. A model's numbers are no part of this: the
 * encoded message comes in pieces between which they are written, so that no more than one tensor is in memory.
 */

/** The operations here are those of this version of the operator set, and of the format's version that came with it. */
export const operatorSetVersion = 17
const formatVersion = 8

/** Tensors of fewer bytes stay inside the model where others lie beside it: runtimes need shapes before they open that file. */
const smallestExternal = 1024

/** Where tensors begin in the file beside the model: on a page, so that it can be mapped. */
const pageBytes = 4096

/** Where an initializer's numbers go: after its head in the model, or to an offset of the file beside it. */
export interface PlacedTensor {
  readonly initializer: Initializer
  readonly bytes: number
  /** The part of the message that precedes the numbers. */
  readonly head: Uint8Array
  /** In the file beside the model; undefined for inside. */
  readonly offset: number | undefined
}

/** A ModelProto in pieces: `prefix`, each tensor's head (with its numbers where they are inside), `suffix`. */
export interface EncodedModel {
  readonly prefix: Uint8Array
  readonly tensors: ReadonlyArray<PlacedTensor>
  readonly suffix: Uint8Array
  /** Bytes of the whole message, the numbers inside it included. */
  readonly modelBytes: number
  /** Bytes of the file beside it. */
  readonly dataBytes: number
}

const text = (writer: BinaryWriter, field: number, value: string): void => {
  writer.tag(field, WireType.LengthDelimited).string(value)
}

const integer = (writer: BinaryWriter, field: number, value: number): void => {
  writer.tag(field, WireType.Varint).int64(value)
}

const message = (writer: BinaryWriter, field: number, content: (writer: BinaryWriter) => void): void => {
  writer.tag(field, WireType.LengthDelimited).fork()
  content(writer)
  writer.join()
}

/** StringStringEntryProto. */
const entry = (writer: BinaryWriter, field: number, key: string, value: string): void =>
  message(writer, field, () => {
    text(writer, 1, key)
    text(writer, 2, value)
  })

const attributeTypes = { float: 1, int: 2, ints: 7 } as const

/** AttributeProto. */
const attribute = (writer: BinaryWriter, name: string, value: Attribute): void => {
  text(writer, 1, name)
  if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float)
    integer(writer, 20, attributeTypes.float)
  } else if ("int" in value) {
    integer(writer, 3, value.int)
    integer(writer, 20, attributeTypes.int)
  } else {
    for (const item of value.ints) integer(writer, 8, item)
    integer(writer, 20, attributeTypes.ints)
  }
}

/** NodeProto. */
const node = (writer: BinaryWriter, { name, operator, inputs, outputs, attributes }: GraphNode): void => {
  for (const input of inputs) text(writer, 1, input)
  for (const output of outputs) text(writer, 2, output)
  text(writer, 3, name)
  text(writer, 4, operator)
  for (const [key, value] of Object.entries(attributes))
    message(writer, 5, () => attribute(writer, key, value))
}

/** ValueInfoProto of a tensor. */
const port = (writer: BinaryWriter, { name, type, shape }: Port): void => {
  text(writer, 1, name)
  message(writer, 2, () =>
    message(writer, 1, () => {
      integer(writer, 1, elementTypeCodes[type])
      message(writer, 2, () => {
        for (const size of shape)
          message(writer, 1, () =>
            typeof size === "number" ? integer(writer, 1, size) : text(writer, 2, size)
          )
      })
    })
  )
}

const encode = (content: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter()
  content(writer)
  return writer.finish()
}

const bytesOf = ({ type, shape }: Initializer): number => sizeOf(shape) * bytesPerElement[type]

/** Tag and length of a field whose content is written elsewhere. */
const opening = (field: number, bytes: number): Uint8Array =>
  encode((writer) => writer.tag(field, WireType.LengthDelimited).uint32(bytes))

const concatenate = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let done = 0
  for (const part of parts) {
    whole.set(part, done)
    done += part.length
  }
  return whole
}

/** GraphProto's field of one TensorProto, up to where the numbers begin. */
const tensorHead = (initializer: Initializer, external: ExternalSpan | undefined): Uint8Array => {
  const bytes = bytesOf(initializer)
  const fields = encode((writer) => {
    for (const size of initializer.shape) integer(writer, 1, size)
    integer(writer, 2, elementTypeCodes[initializer.type])
    text(writer, 8, initializer.name)
    if (external === undefined) {
      writer.tag(9, WireType.LengthDelimited).uint32(bytes)
      return
    }
    entry(writer, 13, "location", external.location)
    entry(writer, 13, "offset", String(external.offset))
    entry(writer, 13, "length", String(bytes))
    integer(writer, 14, 1)
  })
  const inside = external === undefined ? bytes : 0
  return concatenate(opening(5, fields.length + inside), fields)
}

interface ExternalSpan {
  readonly location: string
  readonly offset: number
}

/** The tensors in their order; those that are not small go to the file `location`, where that is given. */
const placeTensors = (
  initializers: ReadonlyArray<Initializer>,
  location: string | undefined
): ReadonlyArray<PlacedTensor> => {
  let end = 0
  return initializers.map((initializer) => {
    const bytes = bytesOf(initializer)
    if (location === undefined || bytes < smallestExternal)
      return { initializer, bytes, head: tensorHead(initializer, undefined), offset: undefined }
    const offset = Math.ceil(end / pageBytes) * pageBytes
    end = offset + bytes
    return { initializer, bytes, head: tensorHead(initializer, { location, offset }), offset }
  })
}

/** Bytes of the model's numbers in a file. */
export const numberBytes = (initializers: ReadonlyArray<Initializer>): number =>
  initializers.reduce((total, initializer) => total + bytesOf(initializer), 0)

/**
 * The ModelProto of a network, without its numbers; `location` is the name of the file beside the model where the large
 * tensors go, if they do. `metadata` becomes the model's metadata_props.
 */
export const encodeModel = (
  { graph, inputs, outputs }: Network,
  metadata: Readonly<Record<string, string>>,
  location: string | undefined
): EncodedModel => {
  const tensors = placeTensors(graph.initializers, location)
  const nodesAndName = encode((writer) => {
    for (const each of graph.nodes) message(writer, 1, () => node(writer, each))
    text(writer, 2, "gpt2")
  })
  const ports = encode((writer) => {
    for (const input of inputs) message(writer, 11, () => port(writer, input))
    for (const output of outputs) message(writer, 12, () => port(writer, output))
  })
  const tensorBytes = tensors.reduce(
    (total, { head, bytes, offset }) => total + head.length + (offset === undefined ? bytes : 0),
    0
  )
  const graphBytes = nodesAndName.length + tensorBytes + ports.length
  const front = encode((writer) => {
    integer(writer, 1, formatVersion)
    text(writer, 2, "tesserae")
  })
  const back = encode((writer) => {
    message(writer, 8, () => {
      text(writer, 1, "")
      integer(writer, 2, operatorSetVersion)
    })
    for (const [key, value] of Object.entries(metadata)) entry(writer, 14, key, value)
  })
  const graphOpening = opening(7, graphBytes)
  const last = tensors.findLast(({ offset }) => offset !== undefined)
  return {
    prefix: concatenate(front, graphOpening, nodesAndName),
    tensors,
    suffix: concatenate(ports, back),
    modelBytes: front.length + graphOpening.length + graphBytes + back.length,
    dataBytes: last?.offset === undefined ? 0 : last.offset + last.bytes
  }
}
