/**
 * The control block at the start of the shared memory, in int32 words; the job itself follows as float64 words. The parts of
 * a job are shared out in stretches, one for each thread, and what is left of each stretch is a count of its own. The caller
 * writes the job and then stores the counts; a part is claimed by taking one off. A claim holds where something was left,
 * and then the job cannot end before the part is completed, so that the description read is of that job. A worker that
 * comes late, or asks once more than there are parts, takes off a count that is 0 or less: that claims nothing, whatever
 * the caller writes next.
 */
export const control = {
  sequence: 1,
  failed: 2,
  completed: 3,
  /** Tells the workers to end. */
  stopped: 4,
  /** In float64 words: job number, parts, count, then the values. */
  job: 128,
  /** One a thread, each in a cache line of its own. */
  unclaimed: 4096
} as const

const wordsPerLine = 16

/** Where the stretch of parts of a thread begins; it ends where the next one's does. */
const stretchStart = (thread: number, threads: number, parts: number): number =>
  Math.floor((thread * parts) / threads)

/** Makes the parts of a job that has been written claimable. */
export const offerParts = (words: Int32Array, threads: number, parts: number): void => {
  for (let thread = 0; thread < threads; thread++) {
    const count = stretchStart(thread + 1, threads, parts) - stretchStart(thread, threads, parts)
    Atomics.store(words, control.unclaimed + thread * wordsPerLine, count)
  }
}

/**
 * Claims parts one by one until none is left, of the thread's own stretch first: neighbouring kernels share out the same rows,
 * which then are in that core's cache. `parts` tells, after a claim, how many the job has; `work` must not throw.
 */
export const claimParts = (
  words: Int32Array,
  own: number,
  threads: number,
  parts: () => number,
  work: (part: number) => void
): void => {
  for (let i = 0; i < threads; i++) {
    const thread = (own + i) % threads
    const count = control.unclaimed + thread * wordsPerLine
    for (let left = Atomics.sub(words, count, 1); left > 0; left = Atomics.sub(words, count, 1))
      work(stretchStart(thread + 1, threads, parts()) - left)
  }
}
