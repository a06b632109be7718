/** tesserae: the same work with fewer numbers. Every room is also a sub-path with all that it offers: `tesserae/Tensor`, ... */
export { Compress, Plan, tq81 } from "./Compress/index.ts"
export { Distill, Schedule, Trainer } from "./Distill/index.ts"
export { Kronecker } from "./Kronecker/index.ts"
export * as Layers from "./Layers/index.ts"
export * as Model from "./Model/index.ts"
export * as Random from "./Random/index.ts"
export { Backend, compute, LinAlg, Tensor, type TensorError } from "./Tensor/index.ts"
export type { Weight } from "./Weight/index.ts"
