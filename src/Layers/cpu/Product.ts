import type { Kernels } from "../../Tensor/Backend.ts"
import { bytesPerElement, type DType, sizeOf } from "../../Tensor/Tensor.ts"
import { addressOf, type Dispatch } from "./Dispatch.ts"
import { attentionGradientProducts, attentionProducts, attentionScratch } from "./AttentionJobs.ts"
import { gemmStripe, gemmStripes, type Sizes } from "./ProductJob.ts"

/** Multiply-adds that make a part of a product. */
const productGrain = 500_000

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64

/** Work space of one thread that carries out products of all these sizes, one after the other. */
const workspaceFor = (d: Dispatch, dtype: DType, products: ReadonlyArray<Sizes>): number => {
  const bytes = bytesPerElement(dtype) as 4 | 8
  const most = products.reduce(
    (most, [m, n, k]) => Math.max(most, d.engine.workspaceBytes(bytes, m, n, k)),
    0
  )
  return aligned(most)
}

/** Matrix products, and attention, which is two of them and a softmax for each head. */
export const productKernels = (d: Dispatch): Pick<Kernels, "matmul" | "attention" | "attentionGradient"> => {
  return {
    matmul: (a, b, { transposeA, transposeB, bias }) => {
      const { dtype } = a
      const bytes = bytesPerElement(dtype)
      const [lda, ldb] = [a.shape[a.shape.length - 1], b.shape[b.shape.length - 1]]
      const [rowsA, rowsB] = [a.shape[a.shape.length - 2], b.shape[b.shape.length - 2]]
      const [m, k] = transposeA ? [lda, rowsA] : [rowsA, lda]
      const n = transposeB ? rowsB : ldb
      const batchShape = a.shape.length > 2 ? a.shape.slice(0, -2) : b.shape.slice(0, -2)
      // x [batch..., rows, inner] times one matrix is one product of all the rows.
      const folds = b.shape.length === 2 && !transposeA
      const batch = folds ? 1 : sizeOf(batchShape)
      const rows = folds ? m * sizeOf(batchShape) : m
      return d.filled([...batchShape, m, n], dtype, (out) => {
        const work = batch * rows * n * k
        if (batch * rows * n === 0) return
        const lines = Math.max(rows, n)
        const parts = d.parts(work, productGrain, batch * lines, d.engine.gemmPartsPerThread)
        const stripes = gemmStripes(batch, rows, n, parts)
        const sizes = Array.from({ length: stripes }, (_, i): Sizes => {
          const [start, end] = gemmStripe(rows, n, i, stripes)
          return rows >= n ? [end - start, n, k] : [rows, end - start, k]
        })
        const space = workspaceFor(d, dtype, sizes)
        d.lend(space * parts, (workspace) =>
          d.run("gemm", parts, [
            bytes,
            batch,
            transposeA ? 1 : 0,
            transposeB ? 1 : 0,
            rows,
            n,
            k,
            addressOf(a),
            lda,
            a.shape.length > 2 ? m * k * bytes : 0,
            addressOf(b),
            ldb,
            b.shape.length > 2 ? k * n * bytes : 0,
            bias === undefined ? 0 : addressOf(bias),
            out,
            n,
            rows * n * bytes,
            workspace,
            space,
            stripes
          ])
        )
      })
    },

    attention: (qkv, heads, keep) => {
      const [batch, tokens, triple] = qkv.shape
      const { dtype } = qkv
      const width = triple / 3
      const head = width / heads
      const shapes = [
        [batch, tokens, width],
        [batch, heads, tokens, tokens]
      ] as const
      const fill = (out: number, probabilities: number) => {
        const scratch = keep ? 0 : aligned(attentionScratch(tokens) * bytesPerElement(dtype))
        const stride = scratch + workspaceFor(d, dtype, attentionProducts(tokens, head))
        const parts = d.parts(batch * heads * tokens * tokens * head, productGrain, batch * heads)
        d.lend(stride * parts, (space) =>
          d.run("attention", parts, [
            bytesPerElement(dtype),
            batch,
            heads,
            tokens,
            width,
            addressOf(qkv),
            out,
            keep ? 1 : 0,
            probabilities,
            d.kernel("causalSoftmax", dtype),
            space,
            space + scratch,
            stride
          ])
        )
      }
      if (!keep) return [d.filled(shapes[0], dtype, (out) => fill(out, 0)), undefined]
      return d.filledAll(shapes, dtype, fill)
    },

    attentionGradient: (qkv, probabilities, gradient, heads) => {
      const [batch, tokens, triple] = qkv.shape
      const { dtype } = qkv
      const bytes = bytesPerElement(dtype)
      const head = triple / 3 / heads
      return d.filled(qkv.shape, dtype, (out) => {
        const scores = aligned(tokens * tokens * bytes)
        const stride = scores + workspaceFor(d, dtype, attentionGradientProducts(tokens, head))
        const parts = d.parts(batch * heads * tokens * tokens * head, productGrain, batch * heads)
        d.lend(stride * parts, (space) =>
          d.run("attentionGradient", parts, [
            bytes,
            batch,
            heads,
            tokens,
            triple / 3,
            addressOf(qkv),
            addressOf(probabilities),
            addressOf(gradient),
            out,
            d.kernel("causalSoftmaxGradient", dtype),
            space,
            space + scores,
            stride
          ])
        )
      })
    }
  }
}
