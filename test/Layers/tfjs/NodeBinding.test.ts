import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { gpu } from "../../../src/Layers/Gpu.ts"
import { whyNotLoaded } from "../../../src/Layers/tfjs/NodeBinding.ts"

const name = "@tensorflow/tfjs-node-gpu"

const coded = (code: string, message: string) => Object.assign(new Error(message), { code })

describe("a GPU by TensorFlow that cannot be had", () => {
  it("without the package: says what to install", () => {
    const error = whyNotLoaded(
      "gpu",
      name,
      coded("ERR_MODULE_NOT_FOUND", `Cannot find package '${name}' imported from /x.js`)
    )
    assert.include(error.message, `${name} is not installed`)
    assert.include(error.remedy, `npm install ${name}`)
  })

  it("without its native library: says to let the install script run", () => {
    const messages = [
      new Error(
        "The Node.js native addon module (tfjs_binding.node) can not be found at path: /x. \nPlease run command"
      ),
      coded(
        "ERR_DLOPEN_FAILED",
        "libtensorflow.so.2: cannot open shared object file: No such file or directory"
      )
    ]
    for (const cause of messages) {
      const error = whyNotLoaded("gpu", name, cause)
      assert.include(error.reason, "without its native library")
      assert.notInclude(error.reason, "\n")
      assert.include(error.remedy, "install script")
    }
  })

  it.effect("the layer itself is a typed failure here, or a GPU", () =>
    Effect.gen(function* () {
      const built = yield* Effect.exit(Effect.flip(Effect.scoped(Layer.build(Layer.fresh(gpu())))))
      if (Exit.isSuccess(built)) {
        assert.strictEqual(built.value._tag, "BackendUnavailable")
        assert.notStrictEqual(built.value.remedy, "")
      }
    })
  )
})
