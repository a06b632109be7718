import { valueAndGradients } from "./Autodiff.ts"
import * as elementwise from "./ops/elementwise.ts"
import * as gatherOperations from "./ops/gather.ts"
import * as matmulOperations from "./ops/matmul.ts"
import * as movement from "./ops/movement.ts"
import * as nn from "./ops/nn.ts"
import * as reductions from "./ops/reduce.ts"
import * as update from "./ops/update.ts"
import type { Region } from "./Region.ts"
import type { Tensor } from "./Tensor.ts"

const vocabulary = {
  ...elementwise,
  ...reductions,
  ...movement,
  ...matmulOperations,
  ...gatherOperations,
  ...nn,
  ...update
}

type Vocabulary = typeof vocabulary

type Bound<F> = F extends (r: Region, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never

/**
 * The operations of a region as methods: `t.add(a, b)`, `t.matmul(x, w)`, ... Each checks shapes and element types, and is
 * differentiable where that has a meaning.
 */
export type Operations = { readonly [Name in keyof Vocabulary]: Bound<Vocabulary[Name]> } & {
  readonly region: Region
  /** `valueAndGradients(parameters, () => ({ value, aux }))`: see Autodiff. */
  readonly valueAndGradients: <Aux = undefined>(
    parameters: Readonly<Record<string, Tensor>>,
    body: () => { readonly value: Tensor; readonly aux?: Aux }
  ) => ReturnType<typeof valueAndGradients<Aux>>
  /** Runs `body`, freeing what it makes and does not return: for long forward passes without gradients. */
  readonly tidy: <A>(body: () => A) => A
}

interface Carrier {
  readonly region: Region
}

const methods = Object.fromEntries(
  Object.entries({ ...vocabulary, valueAndGradients }).map(([name, operation]) => [
    name,
    function (this: Carrier, ...rest: ReadonlyArray<unknown>) {
      return (operation as (r: Region, ...rest: ReadonlyArray<unknown>) => unknown)(this.region, ...rest)
    }
  ])
)

const prototype = {
  ...methods,
  tidy(this: Carrier, body: () => unknown) {
    // What a tape records is needed by the backward pass, which frees it itself.
    return this.region.recording ? body() : this.region.tidy(body)
  }
}

/** One object a region; the methods are shared. */
export const operationsOf = (region: Region): Operations =>
  Object.assign(Object.create(prototype) as object, { region }) as Operations
