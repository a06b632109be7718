import { NumericalError, ShapeError } from "../Tensor/index.ts"

/**
 * A tensor in tensor-train form, Y[i_1, ..., i_d] = G_1[:, i_1, :] G_2[:, i_2, :] ... G_d[:, i_d, :], float64 on the host
 * (Oseledets, "Tensor-Train Decomposition", 2011, eq. 1.2). Immutable: operations make new trains and may share cores.
 *
 * The constructor throws `ShapeError` where modes, ranks and cores do not fit together, and `NumericalError` for a core with
 * NaN or infinite entries; `TensorTrains.fromCores` fails with them instead.
 *
 * @example
 *   const ones = new TensorTrain([2, 3], [1, 1, 1], [Float64Array.of(1, 1), Float64Array.of(1, 1, 1)])
 */
export class TensorTrain {
  /** n_1, ..., n_d, each at least 1; d is at least 1. */
  readonly modes: ReadonlyArray<number>
  /** r_0, ..., r_d with r_0 = r_d = 1. */
  readonly ranks: ReadonlyArray<number>
  /** G_k: [r_{k-1}, n_k, r_k], row-major. */
  readonly cores: ReadonlyArray<Float64Array>

  constructor(
    modes: ReadonlyArray<number>,
    ranks: ReadonlyArray<number>,
    cores: ReadonlyArray<Float64Array>
  ) {
    checkSizes(modes, ranks, cores)
    checkFinite(ranks, modes, cores)
    this.modes = modes
    this.ranks = ranks
    this.cores = cores
  }

  /** Numbers in all cores. */
  get storedParameters(): number {
    return this.cores.reduce((total, core) => total + core.length, 0)
  }

  get largestRank(): number {
    return Math.max(...this.ranks)
  }
}

const isSize = (value: number): boolean => Number.isInteger(value) && value >= 1

const checkSizes = (
  modes: ReadonlyArray<number>,
  ranks: ReadonlyArray<number>,
  cores: ReadonlyArray<Float64Array>
): void => {
  const wrong = (reason: string) =>
    new ShapeError({ operation: "TensorTrain", reason, shapes: [modes, ranks] })
  if (modes.length === 0 || !modes.every(isSize))
    throw wrong("there must be at least one mode, and every mode size a whole number of at least 1")
  if (ranks.length !== modes.length + 1 || !ranks.every(isSize))
    throw wrong(`${modes.length} modes need ${modes.length + 1} ranks, each a whole number of at least 1`)
  if (ranks[0] !== 1 || ranks[modes.length] !== 1)
    throw wrong(`the first and the last rank must be 1, not ${ranks[0]} and ${ranks[modes.length]}`)
  if (cores.length !== modes.length)
    throw wrong(`${modes.length} modes need as many cores, not ${cores.length}`)
  cores.forEach((core, k) => {
    const size = ranks[k] * modes[k] * ranks[k + 1]
    if (core.length !== size)
      throw wrong(
        `core ${k} must be [${ranks[k]}, ${modes[k]}, ${ranks[k + 1]}], ${size} numbers, not ${core.length}`
      )
  })
}

const checkFinite = (
  ranks: ReadonlyArray<number>,
  modes: ReadonlyArray<number>,
  cores: ReadonlyArray<Float64Array>
): void => {
  for (let k = 0; k < cores.length; k++) {
    const core = cores[k]
    for (let e = 0; e < core.length; e++)
      if (!Number.isFinite(core[e])) {
        const [row, column] = [Math.floor(e / (modes[k] * ranks[k + 1])), e % ranks[k + 1]]
        const index = Math.floor(e / ranks[k + 1]) % modes[k]
        throw new NumericalError({
          operation: "TensorTrain",
          reason: `core ${k} has ${core[e]} at [${row}, ${index}, ${column}]`
        })
      }
  }
}
