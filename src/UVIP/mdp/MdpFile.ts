import { Effect, Schema } from "effect"
import { attempt, MdpError } from "../Errors.ts"
import { buildMdp, type Mdp } from "./Mdp.ts"

const Matrix = Schema.Array(Schema.Array(Schema.Number))

/**
 * An MDP as JSON: `T[s][a]` lists [next state, probability], `R[s][a]` is the expected reward, `gamma` the discount; `terminal`,
 * reference values and policies may come with it.
 */
export const MdpFile = Schema.Struct({
  S: Schema.Int,
  A: Schema.Int,
  gamma: Schema.Number,
  R: Matrix,
  T: Schema.Array(Schema.Array(Schema.Array(Schema.Tuple([Schema.Number, Schema.Number])))),
  terminal: Schema.optionalKey(Schema.Array(Schema.Int)),
  Vstar: Schema.optionalKey(Schema.Array(Schema.Number)),
  policies: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        pi: Matrix,
        Vpi: Schema.optionalKey(Schema.Array(Schema.Number)),
        Vup_indep: Schema.optionalKey(Schema.Array(Schema.Number)),
        Vup_shared: Schema.optionalKey(Schema.Array(Schema.Number)),
        macqueen_up: Schema.optionalKey(Schema.Array(Schema.Number))
      })
    )
  )
})
export type MdpFile = typeof MdpFile.Type

const decode = Schema.decodeUnknownEffect(MdpFile)

// JSON has no NaN, so what cannot be written down is null or breaks the file; either is said where it stands.
const parseJson = (text: string): Effect.Effect<unknown, MdpError> =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) =>
      new MdpError({
        reason: `not an MDP file: ${text === "" ? "it is empty" : cause instanceof Error ? cause.message : String(cause)}`
      })
  })

// Of a table's entry the state and the action, as far as the path to it says them.
const placeOf = (issue: string) => {
  const found = /at \["[RT]"\]\[(\d+)\](?:\[(\d+)\])?/.exec(issue)
  return {
    ...(found?.[1] !== undefined && { state: Number(found[1]) }),
    ...(found?.[2] !== undefined && { action: Number(found[2]) })
  }
}

/** The file's contents, unchecked beyond their form. Fails with `MdpError`. */
export const parseMdpFile = (text: string): Effect.Effect<MdpFile, MdpError> =>
  Effect.flatMap(parseJson(text), (contents) =>
    decode(contents).pipe(
      Effect.mapError(
        ({ message }) => new MdpError({ ...placeOf(message), reason: `not an MDP file: ${message}` })
      )
    )
  )

const checkTable = (file: MdpFile): void => {
  for (const name of ["R", "T"] as const) {
    if (file[name].length !== file.S)
      throw new MdpError({ reason: `${name} has ${file[name].length} states, S says ${file.S}` })
    file[name].forEach((row, state) => {
      if (row.length !== file.A)
        throw new MdpError({ state, reason: `${name} has ${row.length} actions, A says ${file.A}` })
    })
  }
}

/** The MDP that a file describes, checked. Fails with `MdpError`, which names the state and the action. */
export const mdpOfFile = (file: MdpFile): Effect.Effect<Mdp, MdpError> =>
  attempt<MdpError>()(() => {
    checkTable(file)
    return buildMdp({
      states: file.S,
      actions: file.A,
      discount: file.gamma,
      outcomes: (state, action) =>
        file.T[state][action].map(
          ([next, probability]) => [next, probability, file.R[state][action]] as const
        ),
      terminal: file.terminal
    })
  })

/** The MDP as a file; a terminal state becomes one that leads to itself, and is listed. */
export const fileOfMdp = (mdp: Mdp): MdpFile => {
  const table = <A>(entry: (state: number, action: number) => A): Array<Array<A>> =>
    Array.from({ length: mdp.states }, (_, state) =>
      Array.from({ length: mdp.actions }, (_, action) => entry(state, action))
    )
  const terminal = [...mdp.terminal.keys()].filter((state) => mdp.terminal[state] === 1)
  return {
    S: mdp.states,
    A: mdp.actions,
    gamma: mdp.discount,
    R: table((state, action) => mdp.rewards[state * mdp.actions + action]),
    T: table((state, action) => {
      if (mdp.terminal[state] === 1) return [[state, 1] as const]
      const pair = state * mdp.actions + action
      return Array.from(mdp.successors.subarray(mdp.offsets[pair], mdp.offsets[pair + 1]), (next, e) => [
        next,
        mdp.probabilities[mdp.offsets[pair] + e]
      ])
    }),
    ...(terminal.length === 0 ? {} : { terminal })
  }
}
