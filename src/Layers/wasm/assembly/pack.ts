// Packing of matrix panels for the product: width lines (rows of A or columns of B) interleaved, so that the
// micro-kernel reads width elements for each k from consecutive addresses. Lines beyond the matrix are 0.

// source[k * step + i], i < width: the lines lie next to one another in memory
@inline
export function packAdjacent<T>(
  width: i32,
  source: usize,
  step: usize,
  panel: usize,
  k: i32,
  lines: i32
): void {
  const bytes = <usize>width * sizeof<T>()
  if (lines >= width) {
    for (let p = 0; p < k; p++, source += step, panel += bytes) {
      let o: usize = 0
      for (; o + 16 <= bytes; o += 16) v128.store(panel + o, v128.load(source + o))
      if (bytes & 8) store<u64>(panel + o, load<u64>(source + o))
    }
    return
  }
  for (let p = 0; p < k; p++, source += step, panel += bytes) {
    for (let i = 0; i < width; i++) {
      const o = <usize>i * sizeof<T>()
      store<T>(panel + o, i < lines ? load<T>(source + o) : 0)
    }
  }
}

// source[i * step + k], i < width: each line is contiguous along k
@inline
export function packLines<T>(width: i32, source: usize, step: usize, panel: usize, k: i32, lines: i32): void {
  const bytes = <usize>width * sizeof<T>()
  for (let i = 0; i < width; ) {
    const lane = panel + <usize>i * sizeof<T>()
    const left = lines - i
    let p = 0
    if (left >= 4 && i + 4 <= width && sizeof<T>() == 4) {
      i += 4
      for (; p + 4 <= k; p += 4) {
        const from = source + ((<usize>p) << 2)
        const to = lane + <usize>p * bytes
        const a = v128.load(from)
        const b = v128.load(from + step)
        const c = v128.load(from + 2 * step)
        const d = v128.load(from + 3 * step)
        const ab = i32x4.shuffle(a, b, 0, 4, 1, 5)
        const cd = i32x4.shuffle(c, d, 0, 4, 1, 5)
        const ef = i32x4.shuffle(a, b, 2, 6, 3, 7)
        const gh = i32x4.shuffle(c, d, 2, 6, 3, 7)
        v128.store(to, i64x2.shuffle(ab, cd, 0, 2))
        v128.store(to + bytes, i64x2.shuffle(ab, cd, 1, 3))
        v128.store(to + 2 * bytes, i64x2.shuffle(ef, gh, 0, 2))
        v128.store(to + 3 * bytes, i64x2.shuffle(ef, gh, 1, 3))
      }
      for (; p < k; p++) {
        const from = source + ((<usize>p) << 2)
        const to = lane + <usize>p * bytes
        store<f32>(to, load<f32>(from))
        store<f32>(to, load<f32>(from + step), 4)
        store<f32>(to, load<f32>(from + 2 * step), 8)
        store<f32>(to, load<f32>(from + 3 * step), 12)
      }
      source += 4 * step
      continue
    }
    if (left >= 2 && i + 2 <= width) {
      i += 2
      if (sizeof<T>() == 4) {
        for (; p + 4 <= k; p += 4) {
          const from = source + ((<usize>p) << 2)
          const to = lane + <usize>p * bytes
          const a = v128.load(from)
          const b = v128.load(from + step)
          const low = i32x4.shuffle(a, b, 0, 4, 1, 5)
          const high = i32x4.shuffle(a, b, 2, 6, 3, 7)
          v128.store64_lane(to, low, 0)
          v128.store64_lane(to + bytes, low, 1)
          v128.store64_lane(to + 2 * bytes, high, 0)
          v128.store64_lane(to + 3 * bytes, high, 1)
        }
      } else {
        for (; p + 2 <= k; p += 2) {
          const from = source + ((<usize>p) << 3)
          const to = lane + <usize>p * bytes
          const a = v128.load(from)
          const b = v128.load(from + step)
          v128.store(to, i64x2.shuffle(a, b, 0, 2))
          v128.store(to + bytes, i64x2.shuffle(a, b, 1, 3))
        }
      }
      for (; p < k; p++) {
        const from = source + <usize>p * sizeof<T>()
        const to = lane + <usize>p * bytes
        store<T>(to, load<T>(from))
        store<T>(to, load<T>(from + step), sizeof<T>())
      }
      source += 2 * step
      continue
    }
    i++
    for (; p < k; p++) {
      const to = lane + <usize>p * bytes
      store<T>(to, left > 0 ? load<T>(source + <usize>p * sizeof<T>()) : 0)
    }
    source += step
  }
}
