import { makeFft, powerOfTwo } from "./Fft.ts"

/** Takes each chain's own mean off. series: [chains, draws] */
const centred = (series: Float64Array, chains: number): Float64Array => {
  const draws = series.length / chains
  const result = new Float64Array(series.length)
  for (let start = 0; start < series.length; start += draws) {
    let mean = 0
    for (let t = start; t < start + draws; t++) mean += series[t] / draws
    for (let t = start; t < start + draws; t++) result[t] = series[t] - mean
  }
  return result
}

// Two chains a and b a transform: |FFT(a + i b)|^2 is the power of both, but for an odd part that the real part of the inverse drops.
const byFft = (series: Float64Array, chains: number): Float64Array => {
  const draws = series.length / chains
  const { length, forward } = makeFft(powerOfTwo(2 * draws))
  const power = new Float64Array(length)
  const real = new Float64Array(length)
  const imaginary = new Float64Array(length)
  for (let c = 0; c < chains; c += 2) {
    real.fill(0).set(series.subarray(c * draws, (c + 1) * draws))
    imaginary.fill(0).set(series.subarray((c + 1) * draws, (c + 2) * draws))
    forward(real, imaginary)
    for (let k = 0; k < length; k++) power[k] += real[k] * real[k] + imaginary[k] * imaginary[k]
  }
  forward(power, imaginary.fill(0))
  const factor = 1 / (length * series.length)
  return power.slice(0, draws).map((value) => value * factor)
}

/**
 * Biased (1/n) autocovariances gamma_0 ... gamma_{n-1} around each chain's own mean, averaged over chains, by FFT.
 * series: [chains, draws] -> [draws]
 */
export const autocovariance = (series: Float64Array, chains: number): Float64Array =>
  byFft(centred(series, chains), chains)

/** Up to this lag a sum of products each is cheaper than the transform of the whole. */
const directLags = 48

/** The same, lag by lag as they are asked for: most estimates need a few only. */
export const autocovarianceAt = (series: Float64Array, chains: number): ((lag: number) => number) => {
  const x = centred(series, chains)
  const draws = series.length / chains
  let all: Float64Array | undefined
  return (lag) => {
    if (lag >= directLags || all !== undefined) {
      all ??= byFft(x, chains)
      return all[lag]
    }
    let sum = 0
    for (let start = 0; start < x.length; start += draws)
      for (let t = start, end = start + draws - lag; t < end; t++) sum += x[t] * x[t + lag]
    return sum / x.length
  }
}
