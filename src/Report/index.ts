/** Figures and pages that need nothing but a viewer: SVG and HTML, self-contained, for light and dark, for those who see and those who do not. */
export { draw } from "./Draw.ts"
export {
  type Axis,
  type Bar,
  type BarChart,
  barChart,
  type Box,
  type BoxMap,
  boxMap,
  type Caption,
  type Cell,
  type Figure,
  type HeatMap,
  heatMap,
  type LineChart,
  lineChart,
  type Point,
  type ScatterChart,
  scatterChart,
  type Series
} from "./Figure.ts"
export { allowed, escaped } from "./Markup.ts"
export { shortNumber } from "./NumberText.ts"
export {
  type Block,
  figures,
  type Page,
  preformatted,
  prose,
  render,
  type Section,
  sideBySide,
  table,
  type TableColumn
} from "./Page.ts"
