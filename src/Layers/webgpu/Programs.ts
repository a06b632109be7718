import type { TfjsKernel } from "../tfjs/BackendEngine.ts"
import { elementwise, rowWise, scale } from "./Program.ts"

// WGSL promises nothing of NaN and infinities: these do as IEEE 754 asks.
const logarithm = `fn logarithm(a: f32) -> f32 {
    if (isnan(a) || a < 0.0) { return uniforms.NAN; }
    if (a == 0.0) { return -uniforms.INFINITY; }
    return log(a);
  }`
const exponential = "fn exponential(a: f32) -> f32 { if (isnan(a)) { return a; } return exp(a); }"
const logistic = "fn logistic(a: f32) -> f32 { if (isnan(a)) { return a; } return 1.0 / (1.0 + exp(-a)); }"

// WGSL promises sin and cos to 2^-11 on [-pi, pi] alone. The angle is brought to [-pi/4, pi/4] by pi/2 in three parts (Cody and
// Waite); the polynomials are those of Cephes (S. Moshier) for single precision.
const trigonometry = `
  fn waved(a: f32, quarter: i32) -> f32 {
    let turns = round(a * 0.63661977236758);
    let r = ((a - turns * 1.5703125) - turns * 4.837512969970703e-4) - turns * 7.549789948768648e-8;
    let s = r * r;
    let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 - s * 1.9515295891e-4));
    let cosine = 1.0 - 0.5 * s
      + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
    let place = (i32(turns) + quarter) & 3;
    let value = select(sine, cosine, (place & 1) == 1);
    return select(value, -value, place >= 2);
  }`

// gelu(x) = x gate(x), gate(x) = logistic(2 sqrt(2 / pi) (x + 0.044715 x^3))
const gate = `${logistic}
  fn gate(a: f32) -> f32 { return logistic(a * (1.5957691216057308 + 0.07135481627159525 * a * a)); }`

const softmaxCode = `
  var greatest = -3.402823e38f;
  for (var c = lane; c < columns; c += threads) { greatest = max(greatest, getX(row, c)); }
  greatest = combined(greatest, lane, true);
  var total = 0.0;
  for (var c = lane; c < columns; c += threads) { total += exponential(getX(row, c) - greatest); }
  total = combined(total, lane, false);
  for (var c = lane; c < columns; c += threads) {
    setOutputAtCoords(row, c, exponential(getX(row, c) - greatest) / total);
  }`

/**
 * Kernels of our own for WebGPU, by name: in the place of tfjs's where those are wrong (NaN, sin and cos of large angles), and
 * several steps in one where the adapter would take many.
 */
export const programs: Readonly<Record<string, TfjsKernel>> = {
  Exp: elementwise("exp", ["x"], `${exponential} fn value(a: f32) -> f32 { return exponential(a); }`),
  Log: elementwise("log", ["x"], `${logarithm} fn value(a: f32) -> f32 { return logarithm(a); }`),
  Sigmoid: elementwise("sigmoid", ["x"], `${logistic} fn value(a: f32) -> f32 { return logistic(a); }`),
  Sin: elementwise("sin", ["x"], `${trigonometry} fn value(a: f32) -> f32 { return waved(a, 0); }`),
  Cos: elementwise("cos", ["x"], `${trigonometry} fn value(a: f32) -> f32 { return waved(a, 1); }`),
  Relu: elementwise(
    "relu",
    ["x"],
    "fn value(a: f32) -> f32 { if (isnan(a)) { return a; } return max(a, 0.0); }"
  ),
  Softmax: rowWise("softmax", "logits", exponential, softmaxCode),
  Scale: scale,
  Gelu: elementwise("gelu", ["x"], `${gate} fn value(a: f32) -> f32 { return a * gate(a); }`),
  GeluGradient: elementwise(
    "gelu-gradient",
    ["x", "gradient"],
    `${gate} fn value(a: f32, g: f32) -> f32 {
       let t = gate(a);
       return (t + a * t * (1.0 - t) * (1.5957691216057308 + 0.21406444881478575 * a * a)) * g;
     }`
  )
}
