/** A real number between `min` and `max`, both included. */
export interface FloatParameter {
  readonly kind: "float"
  readonly min: number
  readonly max: number
  readonly scale: Scale
}

/** A whole number min, min + step, ... up to `max`. */
export interface IntParameter {
  readonly kind: "int"
  readonly min: number
  readonly max: number
  readonly step: number
  readonly scale: Scale
}

export type Category = string | number | boolean

/** One of some values; where they are ordered, neighbours are expected to do alike. */
export interface CategoricalParameter<A extends Category = Category> {
  readonly kind: "categorical"
  readonly values: ReadonlyArray<A>
  readonly ordered: boolean
}

/** Equal steps, or, on a log scale, equal factors are alike. */
export type Scale = "linear" | "log"

export type Parameter = FloatParameter | IntParameter | CategoricalParameter

/** A parameter that exists only where others, earlier in the space, have one of some values. */
export interface ConditionalParameter<P extends Parameter = Parameter> {
  readonly kind: "conditional"
  readonly parameter: P
  /** By the names of the others. */
  readonly given: Readonly<Record<string, ReadonlyArray<Category>>>
}

export type AnyParameter = Parameter | ConditionalParameter

/** What a parameter's values are; undefined where it does not exist. */
export type ValueOf<P extends AnyParameter> =
  P extends ConditionalParameter<infer Q>
    ? ValueOf<Q> | undefined
    : P extends CategoricalParameter<infer A>
      ? A
      : number

/** @example float(1e-5, 1e-1, { scale: "log" }) */
export const float = (
  min: number,
  max: number,
  options: { readonly scale?: Scale } = {}
): FloatParameter => ({
  kind: "float",
  min,
  max,
  scale: options.scale ?? "linear"
})

/** @example int(16, 1024, { scale: "log" }) */
export const int = (
  min: number,
  max: number,
  options: { readonly step?: number; readonly scale?: Scale } = {}
): IntParameter => ({ kind: "int", min, max, step: options.step ?? 1, scale: options.scale ?? "linear" })

/** @example categorical(["adamw", "muon"]) */
export const categorical = <const A extends Category>(
  values: ReadonlyArray<A>,
  options: { readonly ordered?: boolean } = {}
): CategoricalParameter<A> => ({ kind: "categorical", values, ordered: options.ordered ?? false })

/** @example conditional(float(0, 1), { optimizer: ["sgd"] }) */
export const conditional = <P extends Parameter>(
  parameter: P,
  given: Readonly<Record<string, ReadonlyArray<Category>>>
): ConditionalParameter<P> => ({ kind: "conditional", parameter, given })
