import * as Layers from "../../src/Layers/index.ts"

export const backendNames = ["cpu", "mock"] as const
export type BackendName = (typeof backendNames)[number]

/** The layer that a `--backend` flag names. */
export const backendLayer = (name: BackendName) => (name === "cpu" ? Layers.cpu() : Layers.mock())
