import { Mock } from "./Mock.ts"

/** The backends; nothing here knows an algorithm. */
export { layer as auto } from "./Auto.ts"
export { type CpuOptions, layer as cpu } from "./Cpu.ts"
export { gpu, tensorflow, type TensorFlowOptions } from "./Gpu.ts"
export { machines, MachinesError, type MachinesOptions } from "./Machines.ts"
export { MockControls, type MockOptions } from "./Mock.ts"
export { layer as webGpu, type WebGpuOptions } from "./WebGpu.ts"
export const mock = Mock.layer
export {
  type Task,
  type TaskContext,
  WorkerCrashed,
  makeWorkers as workers,
  WorkerModuleError,
  type WorkerOptions,
  type Workers,
  WorkerTaskError,
  WorkerTimeout
} from "./Workers.ts"
