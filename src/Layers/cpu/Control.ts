/**
 * The control block at the start of the shared memory, in int32 words; the job itself follows as float64 words. The caller
 * writes the job and then stores its count of parts in `unclaimed`; a part is claimed by taking one off. A claim holds
 * where something was left, and then the job cannot end before the part is completed, so that the description read is of
 * that job. A worker that comes late, or asks once more than there are parts, takes off a count that is 0 or less: that
 * claims nothing, whatever the caller writes next.
 */
export const control = {
  sequence: 1,
  failed: 2,
  unclaimed: 3,
  completed: 4,
  /** Tells the workers to end. */
  stopped: 5,
  /** In float64 words: job number, parts, count, then the values. */
  job: 128
} as const

/** Claims parts one by one until none is left; `work` is told how many were left, itself included, and must not throw. */
export const claimParts = (words: Int32Array, work: (left: number) => void): void => {
  for (
    let left = Atomics.sub(words, control.unclaimed, 1);
    left > 0;
    left = Atomics.sub(words, control.unclaimed, 1)
  )
    work(left)
}
