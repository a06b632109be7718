import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { key, stream } from "../../src/Random/index.ts"
import { Parameter, rowKey, Space } from "../../src/TetraOpt/index.ts"
import type { AnyParameter } from "../../src/TetraOpt/Parameter.ts"

const { categorical, conditional, float, int } = Parameter

const reasonOf = (parameters: Readonly<Record<string, AnyParameter>>) =>
  Effect.map(Effect.flip(Space.make(parameters)), ({ message }) => message)

describe("a search space", () => {
  it.effect("is refused where it is none, with the parameter and the reason", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [Readonly<Record<string, AnyParameter>>, string]> = [
        [{}, "search space: has no parameters"],
        [{ x: float(2, 1) }, "search space, parameter x: the lower bound 2 is above the upper bound 1"],
        [{ x: float(1, 1) }, "search space, parameter x: both bounds are 1; leave the parameter out"],
        [{ x: float(Number.NaN, 1) }, "search space, parameter x: bounds must be finite, not [NaN, 1]"],
        [
          { x: float(0, 1, { scale: "log" }) },
          "search space, parameter x: a log scale needs bounds above 0, not 0"
        ],
        [{ n: int(3, 1) }, "search space, parameter n: the lower bound 3 is above the upper bound 1"],
        [{ n: int(0.5, 1) }, "search space, parameter n: bounds must be whole numbers, not [0.5, 1]"],
        [
          { n: int(0, 9, { step: 0 }) },
          "search space, parameter n: the step must be a whole number above 0, not 0"
        ],
        [{ c: categorical([]) }, "search space, parameter c: has no values"],
        [{ c: categorical(["a", "b", "a"]) }, "search space, parameter c: has a value twice: a, b, a"],
        [
          { y: conditional(float(0, 1), { c: ["a"] }), c: categorical(["a", "b"]) },
          "search space, parameter y: depends on c, which is no earlier parameter"
        ],
        [
          { c: categorical(["a", "b"]), y: conditional(float(0, 1), { c: ["z"] }) },
          "search space, parameter y: depends on c being z, which it never is"
        ],
        [
          { x: float(0, 1), y: conditional(float(0, 1), { x: [0.5] }) },
          "search space, parameter y: depends on x, which is continuous"
        ]
      ]
      for (const [parameters, expected] of cases) assert.include(yield* reasonOf(parameters), expected)
    })
  )

  const mixed = Space.make(
    {
      rate: float(1e-4, 1, { scale: "log" }),
      width: int(16, 64, { step: 16 }),
      kind: categorical(["plain", "gated"]),
      gates: conditional(int(1, 3), { kind: ["gated"] }),
      bias: conditional(categorical([true, false]), { kind: ["gated"], gates: [2, 3] })
    },
    [{ name: "small", holds: ({ width, gates }) => width * (gates ?? 1) <= 96 }]
  )

  it.effect("goes from configurations to rows and back, parameters that do not exist left out", () =>
    Effect.gen(function* () {
      const space = yield* mixed
      const plain = { rate: 1e-2, width: 48, kind: "plain", gates: undefined, bias: undefined } as const
      const row = space.row(plain)
      assert.isDefined(row)
      assert.closeTo(row[0], 0.5, 1e-12)
      assert.deepStrictEqual([...row.subarray(1)], [2, 0, Number.NaN, Number.NaN])
      const back = space.configuration(row)
      assert.deepStrictEqual({ ...back, rate: 0 }, { ...plain, rate: 0 })
      assert.closeTo(back.rate, 1e-2, 1e-12)
      const gated = { rate: 1, width: 32, kind: "gated", gates: 2, bias: false } as const
      assert.deepStrictEqual(space.configuration(space.row(gated) ?? []), gated)
      for (const wrong of [
        { ...plain, width: 40 },
        { ...plain, rate: 2 },
        { ...plain, kind: "odd" },
        { ...gated, gates: undefined }
      ])
        assert.isUndefined(space.row(wrong))
    })
  )

  it.effect.prop("makes any row canonical, once and for all", { seed: Schema.Int }, ({ seed }) =>
    Effect.gen(function* () {
      const space = yield* mixed
      const random = stream(key(seed))
      const row = space.canonical(
        Float64Array.from(space.dimensions, ({ levels }) =>
          levels === 0 ? random.uniform() : random.integer(levels)
        ),
        random
      )
      const again = space.canonical(row.slice(), random)
      assert.strictEqual(rowKey(again), rowKey(row))
      space.dimensions.forEach((_, k) => assert.strictEqual(Number.isNaN(row[k]), !space.isActive(row, k)))
      const { gates = 1, width } = space.configuration(row)
      assert.strictEqual(space.isAllowed(row), width * gates <= 96)
    })
  )

  it.effect("takes a constraint that throws as one that does not hold", () =>
    Effect.gen(function* () {
      const space = yield* Space.make({ n: int(1, 3) }, [
        {
          name: "throws at two",
          holds: ({ n }) => {
            if (n === 2) throw new Error("two")
            return true
          }
        }
      ])
      assert.deepStrictEqual(
        [0, 1, 2].map((level) => space.isAllowed([level])),
        [true, false, true]
      )
      assert.strictEqual(space.cardinality, 3)
    })
  )
})
