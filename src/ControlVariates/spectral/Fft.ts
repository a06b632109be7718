/** The least power of two that is not below `size`. */
export const powerOfTwo = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, size)))

/** A discrete Fourier transform of a fixed length, a power of two, in place and without a factor: X_k = sum_t x_t exp(-2 pi i k t / length). */
export interface Fft {
  readonly length: number
  readonly forward: (real: Float64Array, imaginary: Float64Array) => void
}

/** Cooley and Tukey's transform of radix 2; its tables are made once. */
export const makeFft = (length: number): Fft => {
  const cosines = new Float64Array(length / 2)
  const sines = new Float64Array(length / 2)
  for (let k = 0; k < length / 2; k++) {
    cosines[k] = Math.cos((2 * Math.PI * k) / length)
    sines[k] = -Math.sin((2 * Math.PI * k) / length)
  }
  const reversed = new Uint32Array(length)
  for (let i = 1; i < length; i++) reversed[i] = (reversed[i >> 1] >> 1) | (i & 1 ? length >> 1 : 0)
  const swap = (x: Float64Array): void => {
    for (let i = 0; i < length; i++) {
      const j = reversed[i]
      if (j > i) {
        const value = x[i]
        x[i] = x[j]
        x[j] = value
      }
    }
  }
  return {
    length,
    forward: (real, imaginary) => {
      swap(real)
      swap(imaginary)
      for (let half = 1; half < length; half *= 2) {
        const stride = length / (2 * half)
        for (let start = 0; start < length; start += 2 * half)
          for (let k = 0; k < half; k++) {
            const [a, b] = [start + k, start + k + half]
            const [c, s] = [cosines[k * stride], sines[k * stride]]
            const re = real[b] * c - imaginary[b] * s
            const im = real[b] * s + imaginary[b] * c
            real[b] = real[a] - re
            imaginary[b] = imaginary[a] - im
            real[a] += re
            imaginary[a] += im
          }
      }
    }
  }
}
