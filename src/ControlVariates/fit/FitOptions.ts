import type { Chains } from "../Chains.ts"
import { checkCount, checkPositive, ControlVariateOptionError } from "../Errors.ts"
import { bartlett, noWindow, type Window } from "../spectral/Window.ts"
import { monomialCount } from "../stein/Monomials.ts"
import type { Coordinates } from "../stein/Coordinates.ts"
import type { KernelChoice } from "../stein/KernelFeatures.ts"
import type { NeuralChoice } from "../stein/NeuralFeatures.ts"

/** What a fit minimises: the variance (EVM), the asymptotic variance by a lag window (ESVM), or whichever does better on held-out pieces. */
export type Objective = "evm" | "esvm" | "auto"

/** Functions of zero mean beyond polynomials; `{ kind: "polynomial" }` is none. */
export type FeatureChoice = { readonly kind: "polynomial" } | KernelChoice | NeuralChoice

export interface FitOptions {
  /** Polynomials alone, or with Stein kernels or a neural network beside them. Default polynomials. */
  readonly features?: FeatureChoice | undefined
  /** Total degree of the polynomials, 1 and above, or the best on held-out pieces. Default "auto". */
  readonly degree?: number | "auto" | undefined
  /** The highest degree that "auto" tries; by default the highest up to 4 with at most 60 features, though at least 2. */
  readonly highestDegree?: number | undefined
  /** Default "auto". */
  readonly objective?: Objective | undefined
  /** Lag window of ESVM, or the width of a Bartlett window; "auto" tries n^(1/3), n^(1/2) and 2 n^(1/2). Default "auto". */
  readonly window?: number | Window | "auto" | undefined
  /**
   * Added to the diagonal of the quadratic form, whose features are scaled to unit (asymptotic) variance; or the best on
   * held-out pieces. Default: "cross-validated" where anything else is "auto", else 0.
   */
  readonly ridge?: number | "cross-validated" | undefined
  /** Where the polynomials are formed. Default "centred": the features of "given", rounded less. */
  readonly coordinates?: Coordinates | undefined
  /** Contiguous pieces a chain is cut into for held-out choices and cross-fitting, 2 to 20. Default 5, less for short chains. */
  readonly folds?: number | undefined
}

/** Options made definite for chains of a given size. */
export interface FitSettings {
  readonly features: FeatureChoice
  readonly degrees: ReadonlyArray<number>
  /** The windows to minimise with; the index of `noWindow` is EVM. */
  readonly windows: ReadonlyArray<Window>
  readonly ridges: ReadonlyArray<number>
  /** Judges held-out pieces. */
  readonly judge: Window
  readonly coordinates: Coordinates
  readonly folds: number
  /** Whether there is anything to choose. */
  readonly chooses: boolean
}

const ridgePath = [0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]

const highestOf = (dimensions: number): number => {
  let degree = 2
  while (degree < 4 && monomialCount(dimensions, degree + 1) <= 60) degree++
  return degree
}

const degreesOf = (chains: Chains, options: FitOptions): ReadonlyArray<number> => {
  const { degree = "auto", highestDegree } = options
  if (degree !== "auto") {
    checkCount("degree", degree, 1, 255)
    return [degree]
  }
  if (highestDegree !== undefined) checkCount("highestDegree", highestDegree, 1, 255)
  const highest = highestDegree ?? highestOf(chains.dimensions)
  // A degree with more than a feature for every five draws is not worth its try.
  const room = (chains.chains * chains.draws) / 5
  const degrees = Array.from({ length: highest }, (_, k) => k + 1)
  return degrees.filter((d) => d === 1 || monomialCount(chains.dimensions, d) <= room)
}

const windowsOf = (piece: number, options: FitOptions): ReadonlyArray<Window> => {
  const { objective = "auto", window = "auto" } = options
  if (!["evm", "esvm", "auto"].includes(objective))
    throw new ControlVariateOptionError({
      option: "objective",
      value: objective,
      expected: "evm, esvm or auto"
    })
  if (objective === "evm") return [noWindow]
  const widths = [piece ** (1 / 3), Math.sqrt(piece), 2 * Math.sqrt(piece)].map((width) =>
    Math.max(2, Math.min(Math.round(width), Math.floor(piece / 2)))
  )
  const spectral =
    window === "auto"
      ? [...new Set(widths)].map(bartlett)
      : [typeof window === "number" ? bartlett(window) : window]
  return objective === "esvm" ? spectral : [noWindow, ...spectral]
}

/** Throws a `ControlVariateOptionError` for an option out of range, and for a window wider than the chains are long. */
export const settingsOf = (chains: Chains, options: FitOptions): FitSettings => {
  const asked = options.folds ?? 5
  checkCount("folds", asked, 2, 20)
  const folds = Math.max(2, Math.min(asked, Math.floor(chains.draws / 8)))
  const piece = Math.floor(chains.draws / folds)
  const degrees = degreesOf(chains, options)
  const windows = windowsOf(piece, options)
  for (const { width } of windows)
    if (width > chains.draws)
      throw new ControlVariateOptionError({
        option: "window width",
        value: width,
        expected: `at most the ${chains.draws} draws of a chain`
      })
  const features = options.features ?? { kind: "polynomial" }
  // Kernels that stand close together and hidden units that learnt the same are nearly collinear: without a ridge they are not to be had.
  const open = degrees.length > 1 || windows.length > 1 || features.kind !== "polynomial"
  const ridge = options.ridge ?? (open ? "cross-validated" : 0)
  if (ridge !== "cross-validated") checkPositive("ridge", ridge, true)
  const ridges = ridge === "cross-validated" ? ridgePath : [ridge]
  return {
    features,
    degrees,
    windows,
    ridges,
    judge: bartlett(Math.max(1, Math.min(Math.round(2 * Math.sqrt(piece)), Math.floor(piece / 2)))),
    coordinates: options.coordinates ?? "centred",
    folds,
    chooses: open || ridges.length > 1
  }
}
