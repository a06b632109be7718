import { Mock } from "./Mock.ts"

/** The backends; nothing here knows an algorithm. */
export { type CpuOptions, layer as cpu } from "./Cpu.ts"
export { MockControls, type MockOptions } from "./Mock.ts"
export const mock = Mock.layer
