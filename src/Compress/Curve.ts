import { Schema } from "effect"

/** The loss after so many updates of a distillation in stages. */
export const CurvePoint = Schema.Struct({
  stage: Schema.String,
  /** Updates made so far, of all stages. */
  step: Schema.Int,
  /** The mean since the point before. */
  loss: Schema.Finite
})
export type CurvePoint = typeof CurvePoint.Type

/** How the distillation of one row of the comparison went. */
export const Curve = Schema.Struct({ row: Schema.String, points: Schema.Array(CurvePoint) })
export type Curve = typeof Curve.Type

/**
 * The curves with one more point. A run that goes on from a checkpoint makes some updates again: what was noted from there on
 * gives way.
 */
export const withPoint = (
  curves: ReadonlyArray<Curve>,
  row: string,
  point: CurvePoint
): ReadonlyArray<Curve> => {
  const points = curves.find((curve) => curve.row === row)?.points ?? []
  const longer = { row, points: [...points.filter(({ step }) => step < point.step), point] }
  const isThere = curves.some((curve) => curve.row === row)
  return isThere ? curves.map((curve) => (curve.row === row ? longer : curve)) : [...curves, longer]
}
