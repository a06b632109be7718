import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { fold, key, restore, type Stream, StreamState, stream } from "../../src/Random/index.ts"

// Every interval below is 4.89 standard errors wide to each side, every chi-square bound the quantile at
// 1 - 1e-6: a correct generator fails one such check for one key in a million.
const deviations = 4.89

const moments = (draws: number, draw: () => number) => {
  let sum = 0
  let square = 0
  let cube = 0
  let fourth = 0
  for (let i = 0; i < draws; i++) {
    const x = draw()
    sum += x
    square += x * x
    cube += x * x * x
    fourth += x * x * x * x
  }
  return [sum, square, cube, fourth].map((total) => total / draws)
}

const chiSquare = (counts: ArrayLike<number>, expected: (cell: number) => number) => {
  let statistic = 0
  for (let i = 0; i < counts.length; i++) statistic += (counts[i] - expected(i)) ** 2 / expected(i)
  return statistic
}

const root = key("test/Random/Stream")

describe("uniform", () => {
  it("has the moments of the uniform distribution and stays in [0, 1)", () => {
    const draws = 200_000
    const numbers = stream(fold(root, "uniform"))
    const [mean, square] = moments(draws, () => {
      const x = numbers.uniform()
      assert.isTrue(x >= 0 && x < 1)
      return x
    })
    assert.approximately(mean, 1 / 2, deviations * Math.sqrt(1 / 12 / draws))
    assert.approximately(square, 1 / 3, deviations * Math.sqrt(4 / 45 / draws))
  })

  it("fills all 53 bits of a float64 and 24 of a float32 fairly", () => {
    const draws = 20_000
    const numbers = stream(fold(root, "bits"))
    for (const [target, width] of [
      [new Float64Array(draws), 53],
      [new Float32Array(draws), 24]
    ] as const) {
      numbers.fillUniform(target)
      const ones = new Uint32Array(width)
      for (const x of target) {
        let rest: number = x
        for (let bit = 0; bit < width; bit++) {
          rest *= 2
          if (rest >= 1) {
            ones[bit]++
            rest -= 1
          }
        }
        assert.strictEqual(rest, 0)
      }
      for (const count of ones) {
        assert.approximately(count, draws / 2, (deviations * Math.sqrt(draws)) / 2)
      }
    }
  })
})

describe("integer", () => {
  for (const [count, bound] of [
    [6, 35.88],
    [10, 44.81],
    [64, 131.36],
    [256, 377.07]
  ]) {
    it(`is uniform over 0 .. ${count - 1} by chi-square`, () => {
      const draws = 100_000
      const numbers = stream(fold(root, `integer ${count}`))
      const counts = new Uint32Array(count)
      for (let i = 0; i < draws; i++) counts[numbers.integer(count)]++
      assert.isBelow(
        chiSquare(counts, () => draws / count),
        bound
      )
    })
  }

  it("is unbiased where a remainder would not be: 3/4 of the 32-bit range", () => {
    // x mod (3 * 2^30) would fall in the first third half of the time.
    const draws = 30_000
    const numbers = stream(fold(root, "three quarters"))
    let low = 0
    for (let i = 0; i < draws; i++) if (numbers.integer(3 * 2 ** 30) < 2 ** 30) low++
    assert.approximately(low / draws, 1 / 3, deviations * Math.sqrt(2 / 9 / draws))
  })

  it("reaches beyond 32 bits and refuses an empty or broken range", () => {
    const numbers = stream(root)
    let largest = 0
    for (let i = 0; i < 1000; i++) {
      const x = numbers.integer(2 ** 53)
      assert.isTrue(Number.isSafeInteger(x) && x >= 0)
      largest = Math.max(largest, x)
    }
    assert.isAbove(largest, 2 ** 52)
    assert.strictEqual(numbers.integer(1), 0)
    for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 54]) assert.throws(() => numbers.integer(bad), RangeError)
  })
})

describe("normal", () => {
  it("has the first four moments of the normal distribution", () => {
    const draws = 400_000
    const numbers = stream(fold(root, "normal"))
    const [mean, square, cube, fourth] = moments(draws, () => numbers.normal())
    const error = (variance: number) => deviations * Math.sqrt(variance / draws)
    assert.approximately(mean, 0, error(1))
    assert.approximately(square, 1, error(2))
    assert.approximately(cube, 0, error(15))
    assert.approximately(fourth, 3, error(96))
  })

  it("has the normal distribution function, in the tail too", () => {
    const cuts = [-2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5]
    const below = [
      0, 0.00620966532578, 0.0227501319482, 0.0668072012689, 0.158655253931, 0.308537538726, 0.5,
      0.691462461274, 0.841344746069, 0.933192798731, 0.977249868052, 0.993790334674, 1
    ]
    const draws = 400_000
    const numbers = stream(fold(root, "distribution"))
    const counts = new Uint32Array(12)
    let tail = 0
    for (let i = 0; i < draws; i++) {
      const x = numbers.normal()
      let cell = 0
      while (cell < cuts.length && x > cuts[cell]) cell++
      counts[cell]++
      if (Math.abs(x) > 3.654152885361009) tail++
    }
    // 12 cells, 11 degrees of freedom, bounded by the quantile of 12.
    assert.isBelow(
      chiSquare(counts, (cell) => draws * (below[cell + 1] - below[cell])),
      50.82
    )
    const expected = draws * 0.000258032487653904
    assert.approximately(tail, expected, deviations * Math.sqrt(expected))
  })

  it("fills with the mean and deviation asked for, in either precision the same numbers", () => {
    const draws = 100_000
    const double = new Float64Array(draws)
    const single = new Float32Array(draws)
    stream(root).fillNormal(double, 5, 0.5)
    stream(root).fillNormal(single, 5, 0.5)
    assert.deepStrictEqual(single, Float32Array.from(double))
    let next = 0
    const [mean, square] = moments(draws, () => double[next++])
    assert.approximately(mean, 5, deviations * Math.sqrt(0.25 / draws))
    assert.approximately(square - mean * mean, 0.25, deviations * 0.25 * Math.sqrt(2 / draws))
  })

  it("is uncorrelated from one draw to the next", () => {
    const draws = 100_000
    const values = new Float64Array(draws)
    stream(fold(root, "lag")).fillNormal(values)
    for (const lag of [1, 2, 3]) {
      let sum = 0
      for (let i = lag; i < draws; i++) sum += values[i] * values[i - lag]
      assert.isBelow(Math.abs(sum / draws), deviations / Math.sqrt(draws))
    }
  })
})

describe("other distributions", () => {
  it("bernoulli has its probability, and is certain at 0 and 1", () => {
    const draws = 100_000
    const numbers = stream(fold(root, "bernoulli"))
    let hits = 0
    for (let i = 0; i < draws; i++) {
      if (numbers.bernoulli(0.3)) hits++
      assert.isFalse(numbers.bernoulli(0))
      assert.isTrue(numbers.bernoulli(1))
    }
    assert.approximately(hits / draws, 0.3, deviations * Math.sqrt(0.21 / draws))
  })

  it("gumbel has mean 0.5772 and variance pi^2 / 6", () => {
    const draws = 200_000
    const numbers = stream(fold(root, "gumbel"))
    const [mean, square] = moments(draws, () => numbers.gumbel())
    const variance = Math.PI ** 2 / 6
    assert.approximately(mean, 0.5772156649, deviations * Math.sqrt(variance / draws))
    // The fourth central moment is 5.4 variance^2.
    assert.approximately(square - mean * mean, variance, deviations * variance * Math.sqrt(4.4 / draws))
  })

  it("categorical follows its weights, by inversion and by the Gumbel maximum alike", () => {
    const weights = [1, 0, 3, 6]
    const draws = 60_000
    const numbers = stream(fold(root, "categorical"))
    const inverted = new Uint32Array(4)
    const maximum = new Uint32Array(4)
    for (let i = 0; i < draws; i++) {
      inverted[numbers.categorical(weights)]++
      const scores = weights.map((weight) => Math.log(weight) + numbers.gumbel())
      maximum[scores.indexOf(Math.max(...scores))]++
    }
    for (const counts of [inverted, maximum]) {
      assert.strictEqual(counts[1], 0)
      for (const i of [0, 2, 3]) {
        const p = weights[i] / 10
        assert.approximately(counts[i] / draws, p, deviations * Math.sqrt((p * (1 - p)) / draws))
      }
    }
    for (const bad of [[], [0, 0], [1, -1], [1, Number.NaN], [Infinity]]) {
      assert.throws(() => numbers.categorical(bad), RangeError)
    }
  })

  it("permutations of three are equally likely", () => {
    const draws = 60_000
    const numbers = stream(fold(root, "permutation"))
    const counts = new Map<string, number>()
    for (let i = 0; i < draws; i++) {
      const order = numbers.permutation(3).join("")
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    assert.strictEqual(counts.size, 6)
    assert.isBelow(
      chiSquare([...counts.values()], () => draws / 6),
      35.88
    )
  })

  it("a permutation of 1000 holds every index once", () => {
    const order = stream(root).permutation(1000)
    assert.deepStrictEqual(
      [...order].toSorted((a, b) => a - b),
      [...Array(1000).keys()]
    )
    assert.strictEqual(stream(root).permutation(0).length, 0)
  })
})

const drawAll = (numbers: Stream) => {
  const values = new Float64Array(100)
  numbers.fillNormal(values)
  return [
    ...values,
    numbers.uniform(),
    numbers.integer(1000),
    numbers.normal(),
    numbers.gumbel(),
    numbers.categorical([1, 2, 3]),
    ...numbers.permutation(10)
  ]
}

describe("state", () => {
  it.effect("continues bit for bit after any number of calls and a trip through JSON", () =>
    Effect.gen(function* () {
      const numbers = stream(key(3))
      for (let calls = 0; calls < 20; calls++) {
        numbers.normal()
        const saved = JSON.stringify(numbers.state())
        const state = yield* Schema.decodeEffect(Schema.fromJsonString(StreamState))(saved)
        const continued = restore(state)
        assert.deepStrictEqual(drawAll(continued), drawAll(numbers))
        assert.deepStrictEqual(continued.state(), numbers.state())
      }
    })
  )

  it("is a copy: drawing from the restored stream leaves the original where it was", () => {
    const numbers = stream(key(4))
    const before = numbers.state()
    drawAll(restore(before))
    assert.deepStrictEqual(numbers.state(), before)
    assert.throws(() => restore({ generator: "xoroshiro128plus", words: [0, 0, 0, 0] }), RangeError)
  })

  it("gives the numbers it gave when this test was written", () => {
    const numbers = stream(key(42))
    const seen = [numbers.uniform(), numbers.normal(), numbers.integer(1000), numbers.gumbel()]
    assert.deepStrictEqual(seen, [0.7641088498374088, -2.030235345621561, 308, 0.7670860318101028])
  })
})
