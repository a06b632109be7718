import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { type MdpFile, mdpOfFile, parseMdpFile } from "../../src/UVIP/index.ts"

const folder = fileURLToPath(new URL("../../../shared/data/mdp/", import.meta.url))

/** Reference problems and values that lie beside the repository, not in it. */
export const hasFixtures = existsSync(folder)

export const fixtureNames = ["chain15", "frozenlake4x4", "garnet20_5_2_seed42"] as const

export const fixture = (name: (typeof fixtureNames)[number]) =>
  Effect.gen(function* () {
    const file: MdpFile = yield* parseMdpFile(readFileSync(`${folder}${name}.json`, "utf8"))
    return { file, mdp: yield* mdpOfFile(file) }
  })

/** The largest absolute difference. */
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
