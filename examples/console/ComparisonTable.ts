import type { Row, RowName, StageEvent } from "../../src/Compress/index.ts"
import type { Column } from "./Table.ts"

/** The comparison as people read it. */
export const columns: ReadonlyArray<Column<Row>> = [
  { heading: "model", cell: (row) => row.name, align: "left" },
  { heading: "stored parameters", cell: (row) => row.storedParameters.toLocaleString("en") },
  { heading: "stored bytes", cell: (row) => row.storedBytes.toLocaleString("en") },
  { heading: "relative error", cell: (row) => row.relativeError.toFixed(4) },
  { heading: "perplexity", cell: (row) => row.perplexity.toFixed(2) },
  { heading: "tokens/s", cell: (row) => row.tokensPerSecond.toFixed(0) }
]

/** What a stage is doing, and how much of it is done. */
export const describe = (row: RowName, event: StageEvent): [text: string, share?: number] =>
  event._tag === "fitted"
    ? [`${row}: ${event.fitted.name} fitted, relative error ${event.fitted.relativeError.toFixed(4)}`]
    : [
        `${row}: ${event.stage}, distilling ${event.step} of ${event.steps}, loss ${event.loss.toFixed(3)}, ` +
          `${event.tokensPerSecond.toFixed(0)} tokens/s`,
        event.step / event.steps
      ]
