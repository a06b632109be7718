import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join, relative, resolve, sep } from "node:path"

// Arrows go one way, types included: what a file imports never leads back to it, nor what a room imports to the room.

const root = resolve(import.meta.dirname, "../src")

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => join(root, path))

const importsOf = (file: string): ReadonlyArray<string> =>
  [...readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport\(?)\s*"(\.[^"]+\.ts)"/g)].map(([, path]) =>
    resolve(file, "..", path)
  )

const roomOf = (file: string): string => relative(root, file).split(sep)[0]

type Graph = ReadonlyMap<string, ReadonlySet<string>>

const graphOf = (nameOf: (file: string) => string): Graph => {
  const graph = new Map<string, Set<string>>()
  for (const file of files) {
    const from = nameOf(file)
    const targets = graph.get(from) ?? new Set()
    graph.set(from, targets)
    for (const imported of importsOf(file)) if (nameOf(imported) !== from) targets.add(nameOf(imported))
  }
  return graph
}

/** The first way found that ends where it began; undefined where there is none. */
const circleIn = (graph: Graph): ReadonlyArray<string> | undefined => {
  const done = new Set<string>()
  const from = (node: string, way: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    const at = way.indexOf(node)
    if (at >= 0) return [...way.slice(at), node]
    if (done.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const circle = from(next, [...way, node])
      if (circle !== undefined) return circle
    }
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const circle = from(node, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

describe("imports in src", () => {
  it("a circle is found where there is one", () => {
    const graph = new Map([
      ["a", new Set(["b"])],
      ["b", new Set(["c"])],
      ["c", new Set(["b"])]
    ])
    assert.deepStrictEqual(circleIn(graph), ["b", "c", "b"])
  })

  it("no file leads back to itself", () => {
    const circle = circleIn(graphOf((file) => relative(root, file)))
    assert.strictEqual(circle?.join(" -> "), undefined)
  })

  it("no room leads back to itself, and none imports Layers", () => {
    const rooms = graphOf(roomOf)
    assert.strictEqual(circleIn(rooms)?.join(" -> "), undefined)
    const users = [...rooms].filter(([, imported]) => imported.has("Layers")).map(([room]) => room)
    assert.deepStrictEqual(users, ["index.ts"])
  })
})
