import { create, createFileRegistry, fromBinary, type Message, toBinary } from "@bufbuild/protobuf"
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema
} from "@bufbuild/protobuf/wkt"

/** The part of onnx.proto (proto2) that an exported model may use, to decode one without the code that encodes it. */
const { STRING, BYTES, INT64, INT32, FLOAT, MESSAGE } = FieldDescriptorProto_Type
const { OPTIONAL, REPEATED } = FieldDescriptorProto_Label

type Field = readonly [
  name: string,
  number: number,
  type: FieldDescriptorProto_Type | string,
  label?: FieldDescriptorProto_Label
]

const messages: Readonly<Record<string, ReadonlyArray<Field>>> = {
  ModelProto: [
    ["ir_version", 1, INT64],
    ["producer_name", 2, STRING],
    ["graph", 7, "GraphProto"],
    ["opset_import", 8, "OperatorSetIdProto", REPEATED],
    ["metadata_props", 14, "StringStringEntryProto", REPEATED]
  ],
  OperatorSetIdProto: [
    ["domain", 1, STRING],
    ["version", 2, INT64]
  ],
  StringStringEntryProto: [
    ["key", 1, STRING],
    ["value", 2, STRING]
  ],
  GraphProto: [
    ["node", 1, "NodeProto", REPEATED],
    ["name", 2, STRING],
    ["initializer", 5, "TensorProto", REPEATED],
    ["input", 11, "ValueInfoProto", REPEATED],
    ["output", 12, "ValueInfoProto", REPEATED]
  ],
  NodeProto: [
    ["input", 1, STRING, REPEATED],
    ["output", 2, STRING, REPEATED],
    ["name", 3, STRING],
    ["op_type", 4, STRING],
    ["attribute", 5, "AttributeProto", REPEATED]
  ],
  AttributeProto: [
    ["name", 1, STRING],
    ["f", 2, FLOAT],
    ["i", 3, INT64],
    ["ints", 8, INT64, REPEATED],
    ["type", 20, INT32]
  ],
  TensorProto: [
    ["dims", 1, INT64, REPEATED],
    ["data_type", 2, INT32],
    ["name", 8, STRING],
    ["raw_data", 9, BYTES],
    ["external_data", 13, "StringStringEntryProto", REPEATED],
    ["data_location", 14, INT32]
  ],
  ValueInfoProto: [
    ["name", 1, STRING],
    ["type", 2, "TypeProto"]
  ],
  TypeProto: [["tensor_type", 1, "TensorTypeProto"]],
  TensorTypeProto: [
    ["elem_type", 1, INT32],
    ["shape", 2, "TensorShapeProto"]
  ],
  TensorShapeProto: [["dim", 1, "DimensionProto", REPEATED]],
  DimensionProto: [
    ["dim_value", 1, INT64],
    ["dim_param", 2, STRING]
  ]
}

const file = create(FileDescriptorProtoSchema, {
  name: "onnx.proto",
  package: "onnx",
  syntax: "proto2",
  messageType: Object.entries(messages).map(([name, fields]) => ({
    name,
    field: fields.map(([field, number, type, label = OPTIONAL]) => ({
      name: field,
      jsonName: field,
      number,
      label,
      ...(typeof type === "string" ? { type: MESSAGE, typeName: `.onnx.${type}` } : { type })
    }))
  }))
})

const modelSchema = createFileRegistry(file, () => undefined).getMessage("onnx.ModelProto")!

interface Entry {
  readonly key: string
  readonly value: string
}

export interface DecodedTensor {
  readonly name: string
  readonly dims: ReadonlyArray<bigint>
  readonly dataType: number
  readonly rawData: Uint8Array
  readonly externalData: ReadonlyArray<Entry>
}

interface DecodedPort {
  readonly name: string
  readonly type: {
    readonly tensorType: {
      readonly elemType: number
      readonly shape: {
        readonly dim: ReadonlyArray<{ readonly dimValue: bigint; readonly dimParam: string }>
      }
    }
  }
}

export interface DecodedModel {
  readonly irVersion: bigint
  readonly opsetImport: ReadonlyArray<{ readonly domain: string; readonly version: bigint }>
  readonly metadataProps: ReadonlyArray<Entry>
  readonly graph: {
    readonly node: ReadonlyArray<{
      readonly name: string
      readonly opType: string
      readonly input: ReadonlyArray<string>
      readonly output: ReadonlyArray<string>
    }>
    readonly initializer: ReadonlyArray<DecodedTensor>
    readonly input: ReadonlyArray<DecodedPort>
    readonly output: ReadonlyArray<DecodedPort>
  }
}

export const decodeModel = (bytes: Uint8Array): Message & DecodedModel =>
  fromBinary(modelSchema, bytes) as Message & DecodedModel

/** The same message, written by the protocol-buffer library. */
export const encodeAgain = (model: Message): Uint8Array => toBinary(modelSchema, model)

/** Whether a message holds a field that the definitions above do not have. */
export const hasUnknownFields = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  !ArrayBuffer.isView(value) &&
  ("$unknown" in value || Object.values(value).some(hasUnknownFields))
