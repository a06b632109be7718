import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { distillationLoss, type LossWeights, type Prediction } from "../../src/Distill/Losses.ts"
import { key, stream } from "../../src/Random/index.ts"
import { onMock } from "../Layers/onMock.ts"
import { compute, type Operations, ShapeError, Tensor } from "../../src/Tensor/index.ts"
import { upload } from "../../src/Tensor/Host.ts"

const [batch, tokens, vocabulary, width] = [2, 3, 5, 4]
const targets = [0, 4, 2, -1, 3, 1]
const counted = 5

const normals = (label: string, count: number): Float64Array => {
  const values = new Float64Array(count)
  stream(key(label)).fillNormal(values)
  return values
}

const logits = {
  student: normals("student", batch * tokens * vocabulary),
  teacher: normals("teacher", batch * tokens * vocabulary)
}
const hidden = {
  student: [0, 1].map((layer) => normals(`student ${layer}`, batch * tokens * width)),
  teacher: [0, 1].map((layer) => normals(`teacher ${layer}`, batch * tokens * width))
}

const predictionOf = (
  t: Operations,
  values: { readonly logits: Float64Array; readonly hidden: ReadonlyArray<Float64Array> }
): Prediction => ({
  logits: upload(t.region, values.logits, [batch, tokens, vocabulary]),
  hiddenStates: values.hidden.map((x) => upload(t.region, x, [batch, tokens, width]))
})

const teacherOf = (t: Operations) => predictionOf(t, { logits: logits.teacher, hidden: hidden.teacher })

/** The loss and its parts for these values of the student. */
const lossOf = (
  student: { readonly logits: Float64Array; readonly hidden: ReadonlyArray<Float64Array> },
  weights: LossWeights
) =>
  Effect.gen(function* () {
    const { value, parts } = yield* compute((t) => {
      const target = { targets: upload(t.region, Int32Array.from(targets), [batch, tokens]), count: counted }
      return distillationLoss(t, predictionOf(t, student), teacherOf(t), target, weights)
    })
    const read: Record<string, number> = { value: yield* Tensor.toNumber(value) }
    for (const [name, part] of Object.entries(parts)) read[name] = yield* Tensor.toNumber(part)
    return read
  }).pipe(Effect.scoped)

const softmax = (row: Float64Array, temperature: number) => {
  const exponentials = row.map((x) => Math.exp(x / temperature))
  const sum = exponentials.reduce((a, b) => a + b)
  return exponentials.map((x) => x / sum)
}

const rowsOf = (values: Float64Array) =>
  Array.from({ length: batch * tokens }, (_, row) =>
    values.subarray(row * vocabulary, (row + 1) * vocabulary)
  )

const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)

const student = { logits: logits.student, hidden: hidden.student }

const moved = (values: Float64Array, i: number, by: number) => values.map((x, j) => (j === i ? x + by : x))

const attempt = (weights: LossWeights, teacher: (t: Operations) => Prediction | undefined) =>
  compute((t) => {
    const target = {
      targets: upload(t.region, Int32Array.from(targets), [batch, tokens]),
      count: counted
    }
    return distillationLoss(t, predictionOf(t, student), teacher(t), target, weights).value
  }).pipe(Effect.flip)

const shallow = (t: Operations) => ({
  ...teacherOf(t),
  hiddenStates: teacherOf(t).hiddenStates.slice(1)
})

describe("distillationLoss", () => {
  it.effect("is the weighted sum of the parts as they are defined", () =>
    Effect.gen(function* () {
      const temperature = 2
      const loss = yield* lossOf(student, { crossEntropy: 0.5, divergence: 2, temperature, hidden: 3 })
      const crossEntropy =
        sum(
          rowsOf(logits.student).map((row, i) =>
            targets[i] < 0 ? 0 : -Math.log(softmax(row, 1)[targets[i]])
          )
        ) / counted
      const divergence =
        (temperature ** 2 *
          sum(
            rowsOf(logits.teacher).map((row, i) => {
              const [p, q] = [softmax(row, temperature), softmax(rowsOf(logits.student)[i], temperature)]
              return sum(Array.from(p, (pi, j) => pi * Math.log(pi / q[j])))
            })
          )) /
        (batch * tokens)
      const relative = hidden.teacher.map((h, layer) => {
        const distance = sum(Array.from(h, (x, i) => (hidden.student[layer][i] - x) ** 2))
        return distance / sum(Array.from(h, (x) => x * x))
      })
      assert.closeTo(loss.crossEntropy, crossEntropy, 1e-12)
      assert.closeTo(loss.divergence, divergence, 1e-12)
      assert.closeTo(loss.hidden, sum(relative) / 2, 1e-12)
      assert.closeTo(loss.value, 0.5 * crossEntropy + 2 * divergence + (3 * sum(relative)) / 2, 1e-12)
    }).pipe(onMock)
  )

  it.effect("computes only the parts that have a weight; by default the cross-entropy", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(Object.keys(yield* lossOf(student, {})), ["value", "crossEntropy"])
      const weights = { crossEntropy: 0, hidden: 1 }
      assert.deepStrictEqual(Object.keys(yield* lossOf(student, weights)), ["value", "hidden"])
    }).pipe(onMock)
  )

  it.effect("vanishes where the student says what the teacher says", () =>
    Effect.gen(function* () {
      const same = { logits: logits.teacher, hidden: hidden.teacher }
      const loss = yield* lossOf(same, { crossEntropy: 0, divergence: 1, temperature: 3, hidden: 1 })
      assert.closeTo(loss.divergence, 0, 1e-15)
      assert.strictEqual(loss.hidden, 0)
    }).pipe(onMock)
  )

  it.effect("has the gradients that central differences have, and none for the teacher", () =>
    Effect.gen(function* () {
      const weights = { crossEntropy: 0.7, divergence: 1.3, temperature: 1.5, hidden: 2 }
      const gradients = yield* compute((t) => {
        const ofStudent = predictionOf(t, student)
        const ofTeacher = teacherOf(t)
        const target = {
          targets: upload(t.region, Int32Array.from(targets), [batch, tokens]),
          count: counted
        }
        const parameters = {
          logits: ofStudent.logits,
          first: ofStudent.hiddenStates[0],
          second: ofStudent.hiddenStates[1]
        }
        return t.valueAndGradients(parameters, () => ({
          value: distillationLoss(t, ofStudent, ofTeacher, target, weights).value
        })).gradients
      })
      const epsilon = 1e-5
      const checks = [
        { name: "logits", values: student.logits, put: (x: Float64Array) => ({ ...student, logits: x }) },
        {
          name: "first",
          values: hidden.student[0],
          put: (x: Float64Array) => ({ ...student, hidden: [x, hidden.student[1]] })
        },
        {
          name: "second",
          values: hidden.student[1],
          put: (x: Float64Array) => ({ ...student, hidden: [hidden.student[0], x] })
        }
      ]
      for (const { name, values, put } of checks) {
        const gradient = yield* Tensor.toArray(gradients[name])
        for (let i = 0; i < values.length; i += 3) {
          const above = yield* lossOf(put(moved(values, i, epsilon)), weights)
          const below = yield* lossOf(put(moved(values, i, -epsilon)), weights)
          assert.closeTo(gradient[i], (above.value - below.value) / (2 * epsilon), 1e-8, `${name}[${i}]`)
        }
      }
    }).pipe(onMock)
  )

  it.effect("refuses what cannot be computed: no teacher, unequal layers, no part at all", () =>
    Effect.gen(function* () {
      for (const error of [
        yield* attempt({ divergence: 1 }, () => undefined),
        yield* attempt({ hidden: 1 }, shallow),
        yield* attempt({ crossEntropy: 0 }, teacherOf)
      ])
        assert.instanceOf(error, ShapeError)
    }).pipe(onMock)
  )
})
