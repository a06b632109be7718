const names: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

// What neither XML 1.0 nor HTML lets stand in a text: control characters but tab, line feed and carriage return.
const forbidden = /[^\t\n\r\u{20}-\u{7e}\u{a0}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/** A text of characters that XML and HTML allow; others, and halves of surrogate pairs, become U+FFFD. */
export const allowed = (text: string): string => text.toWellFormed().replaceAll(forbidden, "\ufffd")

/** A text as it stands in HTML, SVG and quoted attributes, so that nothing in it can be taken for markup. */
export const escaped = (text: string): string =>
  allowed(text).replaceAll(/[&<>"']/g, (character) => names[character])
