/** x: [first, second, rest] -> [second, first, rest] */
export const exchangeAxes = (x: Float64Array, first: number, second: number, rest: number): Float64Array => {
  const result = new Float64Array(x.length)
  for (let i = 0; i < first; i++)
    for (let j = 0; j < second; j++) {
      const from = (i * second + j) * rest
      const to = (j * first + i) * rest
      for (let k = 0; k < rest; k++) result[to + k] = x[from + k]
    }
  return result
}
