/** A place in a grid, or a step of one cell: [row, column]. */
export type Cell = readonly [row: number, column: number]

/** The state one step on, states numbered by rows; edges stop a step, and so does `isWall`. */
export const neighbour = (
  state: number,
  [down, right]: Cell,
  height: number,
  width: number,
  isWall: (row: number, column: number) => boolean = () => false
): number => {
  const row = Math.min(Math.max(Math.floor(state / width) + down, 0), height - 1)
  const column = Math.min(Math.max((state % width) + right, 0), width - 1)
  return isWall(row, column) ? state : row * width + column
}
