/** Median seconds of a call: three to warm up, then for `seconds` and at least five times. */
export const medianSeconds = (run: () => void, seconds: number): number => {
  for (let i = 0; i < 3; i++) run()
  const times: Array<number> = []
  const until = performance.now() + seconds * 1000
  while (times.length < 5 || performance.now() < until) {
    const start = performance.now()
    run()
    times.push((performance.now() - start) / 1000)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
}
