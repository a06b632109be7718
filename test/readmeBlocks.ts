import { readFileSync } from "node:fs"

/** Without imports, which say whence a user has things, and white space, which depends on how deep a block stands. */
const bare = (text: string): string => text.replaceAll(/^import .*$|\s/gm, "")

/** The blocks of TypeScript in a README, a path from the repository's root, of which no source file holds every letter. */
export const blocksMissing = (readme: string, ...sources: ReadonlyArray<string>): ReadonlyArray<string> => {
  const texts = sources.map((source) => bare(readFileSync(source, "utf8")))
  const page = readFileSync(new URL(`../${readme}`, import.meta.url), "utf8")
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, block]) => block)
  if (blocks.length === 0) return ["the README has no block"]
  return blocks.filter((block) => !texts.some((text) => text.includes(bare(block))))
}
