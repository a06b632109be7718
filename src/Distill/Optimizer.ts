import type { Schema } from "effect"
import type { Operations, Shape, Tensor } from "../Tensor/index.ts"

export type Tensors = Readonly<Record<string, Tensor>>

/** What one update of named parameters works with; parameters and moments change in place. */
export interface Update {
  readonly parameters: Tensors
  readonly moments: Tensors
  /** Under the parameters' names, and of their shapes. */
  readonly gradients: Tensors
  /** One number on the device that multiplies every gradient: clipping and the mean over micro-batches. */
  readonly scale: Tensor
  /** Number of the update, from 1. */
  readonly step: number
  readonly learningRate: number
}

/** A rule that changes named parameters by their gradients. What it remembers between updates are tensors by name. */
export interface Optimizer {
  /** The moments before the first update. */
  readonly initialMoments: (t: Operations, parameters: Tensors) => Record<string, Tensor>
  /** One update in place. */
  readonly update: (t: Operations, update: Update) => void
  /** All settings as they apply to these parameters, as JSON: two runs that differ in them are not the same run. */
  readonly describe: (parameters: Tensors) => Schema.Json
}

/** Parameters with settings of their own: newly made factors that learn faster, an embedding without decay. */
export interface ParameterGroup {
  readonly matches: (name: string, shape: Shape) => boolean
  /** Multiplies the schedule's learning rate; default 1. */
  readonly learningRate?: number
  /** In place of the optimiser's. */
  readonly weightDecay?: number
}

export interface ParameterSettings {
  readonly learningRate: number
  readonly weightDecay: number
}

/**
 * Whether weight decay applies where no group says otherwise: to matrices and stacks of them; not to biases, norms and scales, which
 * have one dimension, nor to positions (`wpe`).
 */
export const decaysByDefault = (name: string, shape: Shape): boolean =>
  shape.length >= 2 && !/(^|\.)wpe\./.test(name)

/** The settings of one parameter: those of the first group that matches, completed by the defaults. */
export const settingsOf = (
  name: string,
  shape: Shape,
  weightDecay: number,
  groups: ReadonlyArray<ParameterGroup>
): ParameterSettings => {
  const group = groups.find((group) => group.matches(name, shape))
  return {
    learningRate: group?.learningRate ?? 1,
    weightDecay: group?.weightDecay ?? (decaysByDefault(name, shape) ? weightDecay : 0)
  }
}
