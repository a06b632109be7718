/** An element of an XML document: its own text, and its children. */
export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: ReadonlyArray<Element>
  readonly text: string
}

const token = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy
const entity = /&(?:(amp|lt|gt|quot)|#(\d+)|#x([\da-f]+));/gi
const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' }

const decoded = (text: string): string => {
  if (/&/.test(text.replaceAll(entity, ""))) throw new Error(`unknown entity in ${JSON.stringify(text)}`)
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]/.test(text)) throw new Error("character that XML forbids")
  return text.replaceAll(entity, (_, name?: string, decimal?: string, hex?: string) =>
    name === undefined ? String.fromCodePoint(Number(decimal ?? `0x${hex}`)) : named[name]
  )
}

/** A strict reader of XML without comments, declarations and processing instructions: anything else throws. */
export const parseXml = (source: string): Element => {
  interface Open {
    readonly name: string
    readonly attributes: Record<string, string>
    readonly children: Array<Element>
    text: string
  }
  const root: Open = { name: "", attributes: {}, children: [], text: "" }
  const stack: Array<Open> = [root]
  let position = 0
  for (const found of source.matchAll(token)) {
    const [whole, closing, name, attributes, selfClosing, text] = found
    position += whole.length
    const top = stack[stack.length - 1]
    if (text !== undefined) top.text += decoded(text)
    else if (closing === "/") {
      if (top.name !== name) throw new Error(`</${name}> closes <${top.name}>`)
      stack.pop()
    } else {
      const entries = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(
        ([, key, value]) => [key, decoded(value)] as const
      )
      if (new Set(entries.map(([key]) => key)).size < entries.length)
        throw new Error(`${name}: twice the same`)
      const element: Open = { name, attributes: Object.fromEntries(entries), children: [], text: "" }
      top.children.push(element)
      if (selfClosing !== "/") stack.push(element)
    }
  }
  if (position < source.length)
    throw new Error(`no XML at ${position}: ${source.slice(position, position + 60)}`)
  if (stack.length > 1 || root.children.length !== 1) throw new Error("not one whole element")
  return root.children[0]
}

/** An element and all under it. */
export const everything = (element: Element): ReadonlyArray<Element> => [
  element,
  ...element.children.flatMap(everything)
]

/** The texts of all elements of a name. */
export const textsOf = (element: Element, name: string): ReadonlyArray<string> =>
  everything(element)
    .filter((one) => one.name === name)
    .map(({ text }) => text)
