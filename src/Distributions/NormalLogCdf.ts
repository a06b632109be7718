// exp(x^2) erfc(x) for x >= 0: W. J. Cody's rational approximations, Math. Comp. 23 (1969), as in CALERF; highest power first but for the last.
const erf = {
  a: [3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694, 0.18577770618460315],
  b: [23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171]
}
const middle = {
  c: [
    0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769,
    1712.0476126340707, 2051.0783778260716, 1230.3393547979972, 2.1531153547440383e-8
  ],
  d: [
    15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
    4362.619090143247, 3439.3676741437216, 1230.3393548037495
  ]
}
const tail = {
  p: [
    0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275,
    0.0006587491615298378, 0.016315387137302097
  ],
  q: [2.568520192289822, 1.8729528499234604, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918]
}

const scaledErfc = (x: number): number => {
  if (x <= 0.46875) {
    const y = x * x
    let [numerator, denominator] = [erf.a[4] * y, y]
    for (let i = 0; i < 3; i++) {
      numerator = (numerator + erf.a[i]) * y
      denominator = (denominator + erf.b[i]) * y
    }
    return Math.exp(y) * (1 - (x * (numerator + erf.a[3])) / (denominator + erf.b[3]))
  }
  if (x <= 4) {
    let [numerator, denominator] = [middle.c[8] * x, x]
    for (let i = 0; i < 7; i++) {
      numerator = (numerator + middle.c[i]) * x
      denominator = (denominator + middle.d[i]) * x
    }
    return (numerator + middle.c[7]) / (denominator + middle.d[7])
  }
  const y = 1 / (x * x)
  let [numerator, denominator] = [tail.p[5] * y, y]
  for (let i = 0; i < 4; i++) {
    numerator = (numerator + tail.p[i]) * y
    denominator = (denominator + tail.q[i]) * y
  }
  return (1 / Math.sqrt(Math.PI) - (y * (numerator + tail.p[4])) / (denominator + tail.q[4])) / x
}

/** ln Phi(x), right to about 15 digits in both tails. */
export const normalLogCdf = (x: number): number => {
  const y = Math.abs(x) / Math.SQRT2
  const upper = 0.5 * scaledErfc(y)
  return x <= 0 ? -y * y + Math.log(upper) : Math.log1p(-upper * Math.exp(-y * y))
}
