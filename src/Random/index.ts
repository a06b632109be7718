/** Keyed, splittable, saveable random numbers. */
export { fold, Key, key, split } from "./Key.ts"
export { restore, type Stream, StreamState, stream } from "./Stream.ts"
