/**
 * What has been asked and its loss, by fingerprints of 64 bits of the rows: no point is ever asked for twice. A new point is taken for one that
 * was asked with a probability of n / 2^64 after n points.
 */
export interface AskedPoints {
  count: number
  /** [capacity, 2] */
  fingerprints: Int32Array
  /** [capacity]; NaN: asked, and not answered yet. */
  losses: Float64Array
  /** Entry + 1, or 0; as many as twice the capacity, a power of two. */
  slots: Int32Array
}

const mostAtFirst = 2 ** 17

/** None yet, with room for about as many as are expected. */
export const askedPoints = (expected: number): AskedPoints => {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, Math.min(expected, mostAtFirst))))
  return {
    count: 0,
    fingerprints: new Int32Array(2 * capacity),
    losses: new Float64Array(capacity),
    slots: new Int32Array(2 * capacity)
  }
}

/**
 * Enters the first `count` rows [count, d]. Writes the entry of each to `entries`, and to `fresh` those of the rows, in order, that are new;
 * gives how many these are.
 */
export const lookUp = (
  points: AskedPoints,
  rows: Float64Array,
  count: number,
  d: number,
  entries: Int32Array,
  fresh: Int32Array
): number => {
  const words = new Int32Array(rows.buffer, rows.byteOffset, 2 * count * d)
  const before = points.count
  for (let row = 0; row < count; row++) {
    const entry = enter(points, words, 2 * row * d, 2 * d)
    entries[row] = entry
    if (entry === points.count) fresh[points.count++ - before] = row
  }
  return points.count - before
}

// Two hashes, each of two runs, over every second number, that do not wait for each other; with the multipliers and the final bijection of
// MurmurHash3 (A. Appleby, 2011). The low and the high half of a number change places between the two.
const enter = (points: AskedPoints, words: Int32Array, at: number, length: number): number => {
  let a = 0x9747b28c | 0
  let b = 0x85a308d3 | 0
  let c = 0x13198a2e | 0
  let d = 0x03707344 | 0
  let i = at
  for (const end = at + length - 3; i < end; i += 4) {
    a = Math.imul(a ^ words[i], 0xcc9e2d51)
    a = ((a ^ (a >>> 15)) + words[i + 1]) | 0
    b = Math.imul(b ^ words[i + 1], 0x1b873593)
    b = ((b ^ (b >>> 13)) + words[i]) | 0
    c = Math.imul(c ^ words[i + 2], 0xcc9e2d51)
    c = ((c ^ (c >>> 15)) + words[i + 3]) | 0
    d = Math.imul(d ^ words[i + 3], 0x1b873593)
    d = ((d ^ (d >>> 13)) + words[i + 2]) | 0
  }
  if (i < at + length) {
    a = (Math.imul(a ^ words[i], 0xcc9e2d51) + words[i + 1]) | 0
    b = (Math.imul(b ^ words[i + 1], 0x1b873593) + words[i]) | 0
  }
  a = finalise(a ^ Math.imul(finalise(c), 0xcc9e2d51))
  b = finalise(b ^ Math.imul(finalise(d), 0x1b873593))
  if (points.count === points.losses.length) grow(points)
  const { slots, fingerprints, count } = points
  const mask = slots.length - 1
  let slot = a & mask
  for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
    const entry = slots[slot] - 1
    if (fingerprints[2 * entry] === a && fingerprints[2 * entry + 1] === b) return entry
  }
  slots[slot] = count + 1
  fingerprints[2 * count] = a
  fingerprints[2 * count + 1] = b
  points.losses[count] = Number.NaN
  return count
}

const finalise = (word: number): number => {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const grow = (points: AskedPoints): void => {
  const capacity = 2 * points.losses.length
  const fingerprints = new Int32Array(2 * capacity)
  fingerprints.set(points.fingerprints)
  points.fingerprints = fingerprints
  const losses = new Float64Array(capacity)
  losses.set(points.losses)
  points.losses = losses
  points.slots = new Int32Array(2 * capacity)
  const mask = points.slots.length - 1
  for (let entry = 0; entry < points.count; entry++) {
    let slot = fingerprints[2 * entry] & mask
    while (points.slots[slot] !== 0) slot = (slot + 1) & mask
    points.slots[slot] = entry + 1
  }
}
