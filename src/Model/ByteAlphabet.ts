const range = (first: number, last: number): Array<number> =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

// The bytes that GPT-2's alphabet shows as themselves: printable Latin-1 without the spaces and the soft hyphen.
const printable = [...range(0x21, 0x7e), ...range(0xa1, 0xac), ...range(0xae, 0xff)]
const others = range(0, 255).filter((byte) => !printable.includes(byte))

/** The 256 bytes in the order of GPT-2's vocabulary, where the byte at position i has token id i. */
export const byteOrder: ReadonlyArray<number> = [...printable, ...others]

/**
 * The visible character that stands for each byte in the files of byte-level BPE (Radford et al., "Language Models are Unsupervised
 * Multitask Learners", 2019, section 2.2): itself if printable, else the next one from U+0100 on; a space is "Ġ".
 */
export const byteSymbols: ReadonlyArray<string> = range(0, 255).map((byte) => {
  const hidden = others.indexOf(byte)
  return String.fromCharCode(hidden === -1 ? byte : 0x100 + hidden)
})

/**
 * GPT-2's division of text into words, inside which pairs are merged: contractions; letters, digits or other signs, each with the
 * space before it; and white space, of which the last is left to the word that follows.
 * White space is Unicode's, as in Hugging Face's library; JavaScript's `\s` takes in U+FEFF and leaves out U+0085.
 */
export const wordPattern: RegExp =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu
