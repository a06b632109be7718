import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import {
  ControlVariates,
  functional,
  makeChains,
  noWindow,
  spectralVariance,
  trapezoid,
  windowWeights
} from "../../../src/ControlVariates/index.ts"
import * as Layers from "../../../src/Layers/index.ts"
import { NumericalError } from "../../../src/Tensor/index.ts"
import { assertClose } from "../../assertClose.ts"

const path = new URL("../../../../shared/data/esvm-fixture.json", import.meta.url)
const hasFixture = existsSync(path)

interface Fitted {
  readonly coef: ReadonlyArray<number>
  readonly mean: number
  readonly specvar?: number
  readonly var_ddof1?: number
}

interface Fixture {
  readonly kernels: ReadonlyArray<readonly [flat: number, weights: ReadonlyArray<number>]>
  readonly spectral: Readonly<Record<number, number>>
  readonly esvm: ReadonlyArray<readonly [degree: number, flat: number, fitted: Fitted]>
  readonly evm: ReadonlyArray<readonly [degree: number, fitted: Fitted]>
}

// Some of the numbers, for those who do not have the file.
const copied: Fixture = {
  kernels: [
    [2, [1, 1, 1, 1, 0, 0]],
    [3, [1, 1, 1, 1, 1, 0.5, 0, 0]]
  ],
  spectral: { 2: 5.109082792724154, 5: 2.314492701361904 },
  esvm: [
    [
      1,
      5,
      {
        coef: [2.9254883497447066, 0.8849353132754274],
        mean: 0.5031938385252273,
        specvar: 0.26577672538506775
      }
    ],
    [
      2,
      2,
      {
        coef: [
          1.9594346416248503, 0.7104031992013077, 1.030504366398936, 0.04819967264400483, 0.4205716215025004
        ],
        mean: 2.09442444290982,
        specvar: 0.10871048437296982
      }
    ]
  ],
  evm: [
    [
      2,
      {
        coef: [
          2.0174398391974417, 0.7100865643041775, 0.9718149801582733, 0.054052024123556905,
          0.39917456184550404
        ],
        mean: 2.0145239017155663,
        var_ddof1: 0.11389235279009716
      }
    ]
  ]
}

const whole = (): Fixture => {
  const file = JSON.parse(readFileSync(path, "utf8"))
  return {
    kernels: [
      [0, file.kernel_n12_bn0],
      [1, file.kernel_n12_bn1],
      [2, file.kernel_n12_bn2],
      [3, file.kernel_n16_bn3]
    ],
    spectral: { 2: file.specvar_f_bn2, 5: file.specvar_f_bn5 },
    esvm: [
      [1, 2, file.esvm1_bn2],
      [2, 2, file.esvm2_bn2],
      [1, 5, file.esvm1_bn5]
    ],
    evm: [
      [1, file.evm1],
      [2, file.evm2]
    ]
  }
}

// The fixture's series: n = 64, X = [x, z], scores of N((.3, -.2), [[2, .6], [.6, 1]]), f = x^3.
const fixtureChains = makeChains({
  chains: 1,
  draws: 64,
  dimensions: 2,
  ...(() => {
    const values = new Float64Array(128)
    const scores = new Float64Array(128)
    const determinant = 2 - 0.36
    for (let k = 0; k < 64; k++) {
      const x = Math.sin(0.37 * k) + 0.25 * Math.cos(1.9 * k) + 0.01 * k
      const z = Math.cos(0.23 * k) - 0.1 * Math.sin(2.3 * k)
      values.set([x, z], 2 * k)
      const [a, b] = [x - 0.3, z + 0.2]
      scores.set([-(a - 0.6 * b) / determinant, -(2 * b - 0.6 * a) / determinant], 2 * k)
    }
    return { values, scores }
  })()
})

const fit = Effect.fnUntraced(
  function* (degree: number, flat: number | undefined, ridge = 0) {
    const chains = yield* fixtureChains
    const cube = functional(chains, "cube", ([x]) => x ** 3)
    const variates = yield* ControlVariates
    const variate = yield* variates.fit(chains, cube, {
      degree,
      ridge,
      coordinates: "given",
      ...(flat === undefined ? { objective: "evm" } : { objective: "esvm", window: trapezoid(flat) })
    })
    const { estimates } = yield* variates.evaluate(variate, chains, cube)
    return { ...estimates[0], coefficients: variate.functionals[0].coefficients }
  },
  Effect.provide(ControlVariates.layer),
  Effect.provide(Layers.mock())
)

describe.each([
  ["copied numbers", copied],
  [hasFixture ? "whole" : "whole (skipped: no ../shared/data here)", hasFixture ? whole() : undefined]
] as const)("the fixture of the authors' formulas, %s", (_, fixture) => {
  it.skipIf(fixture === undefined)("flat-topped windows", () => {
    for (const [flat, weights] of fixture?.kernels ?? [])
      assertClose(windowWeights(trapezoid(flat), weights.length), weights, 1e-14, `flat ${flat}`)
  })

  it.effect.skipIf(fixture === undefined)("spectral variances, coefficients and means", () =>
    Effect.gen(function* () {
      const { spectral, esvm, evm } = fixture as Fixture
      const chains = yield* fixtureChains
      const cube = functional(chains, "cube", ([x]) => x ** 3).values[0]
      for (const flat of [2, 5])
        assertClose([spectralVariance(cube, 1, trapezoid(flat))], [spectral[flat]], 1e-12)
      for (const [degree, flat, expected] of esvm) {
        const { coefficients, meanCv, series } = yield* fit(degree, flat)
        assertClose(coefficients, expected.coef, 1e-10, `coefficients, degree ${degree}, window ${flat}`)
        assertClose([meanCv], [expected.mean], 1e-10)
        assertClose([spectralVariance(series, 1, trapezoid(flat))], [expected.specvar ?? NaN], 1e-10)
      }
      for (const [degree, expected] of evm) {
        const { coefficients, meanCv, series } = yield* fit(degree, undefined)
        assertClose(coefficients, expected.coef, 1e-10, `EVM coefficients, degree ${degree}`)
        assertClose([meanCv], [expected.mean], 1e-10)
        assertClose([(spectralVariance(series, 1, noWindow) * 64) / 63], [expected.var_ddof1 ?? NaN], 1e-10)
      }
    })
  )
})

describe("the flat-topped window that makes the form indefinite", () => {
  it.effect("is refused, and solved with a ridge above its negative eigenvalue", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.result(fit(2, 5))
      assert.isTrue(Result.isFailure(refused))
      if (Result.isFailure(refused)) {
        assert.instanceOf(refused.failure, NumericalError)
        assert.match(refused.failure.message, /indefinite: the smallest eigenvalue/)
      }
      assert.isTrue(Result.isFailure(yield* Effect.result(fit(2, 5, 1e-3))))
      assert.isTrue(Number.isFinite((yield* fit(2, 5, 2)).meanCv))
    })
  )
})
