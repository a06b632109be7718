/** What every iterative algorithm is: a state, a step, an end; and what follows from these. */
export { type Iteration, run, stream } from "./Iteration.ts"
