import { basename } from "node:path"

/** Flags that say how a run goes on, not what it makes. */
const passing = new Set(["--resume"])

/** The command that started this process, as it can be given to a shell again. */
export const commandLine = (argv: ReadonlyArray<string> = process.argv): string =>
  ["pnpm", "tsx", `examples/${basename(argv[1])}`, ...argv.slice(2).filter((word) => !passing.has(word))]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ")
