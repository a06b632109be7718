import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import type { MessageStorage, Runners, Sharding } from "effect/cluster"

/** A cluster that cannot be joined, and why. */
export class MachinesError extends Schema.TaggedError<MachinesError>()("MachinesError", {
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `the cluster cannot be joined: ${this.reason}`
  }
}

export interface MachinesOptions {
  /** The PostgreSQL database that all machines share: postgres://user:password@host:port/database. */
  readonly database: string
  /** Where the others reach this machine; left out, it only sends work. */
  readonly runner?: { readonly host: string; readonly port: number } | undefined
}

type Cluster = Sharding.Sharding | Runners.Runners | MessageStorage.MessageStorage

const failed = (reason: string) => (cause: unknown) =>
  new MachinesError({ reason: `${reason}: ${cause instanceof Error ? cause.message : String(cause)}`, cause })

const orFail =
  (reason: string) =>
  <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, MachinesError, R> =>
    Layer.catch(layer, (cause) => Layer.unwrap(Effect.fail(failed(reason)(cause))))

/** Loaded when they are needed: the driver is an optional package, and all of it takes its time. */
const packages = Effect.tryPromise({
  try: async () => {
    const [{ RunnerAddress }, { layer }, { PgClient }] = await Promise.all([
      import("effect/cluster"),
      import("@effect/platform-node/NodeClusterSocket"),
      import("@effect/sql-pg")
    ])
    return { RunnerAddress, layer, PgClient }
  },
  catch: failed("its packages could not be loaded (npm install @effect/sql-pg@4.0.5)")
})

/**
 * Effect's cluster over sockets: messages and their answers are stored in PostgreSQL, shards of the work are spread over the runners
 * there are, and those of a runner that is gone go to the others. With `runner` this process is one of them. Fails with
 * `MachinesError`.
 *
 * @example
 * const runner = layerRunner(objective).pipe(
 *   Layer.provide(Layers.machines({ database: "postgres://localhost/tuning", runner: { host: "10.0.0.2", port: 7001 } }))
 * )
 */
export const machines = ({ database, runner }: MachinesOptions): Layer.Layer<Cluster, MachinesError> =>
  Layer.unwrap(
    Effect.map(packages, ({ RunnerAddress, layer, PgClient }) => {
      const shardingConfig = {
        runnerAddress: Option.map(Option.fromUndefinedOr(runner), ({ host, port }) =>
          RunnerAddress.make(host, port)
        ),
        // A runner that was killed is missed after seconds, not after half a minute.
        refreshAssignmentsInterval: "1 second",
        runnerHealthCheckInterval: "5 seconds",
        shardLockExpiration: "10 seconds",
        entityMessagePollInterval: "2 seconds",
        entityReplyPollInterval: "200 millis"
      } as const
      const sql = PgClient.layer({ url: Redacted.make(database) }).pipe(
        // It would connect with the first query, one of the cluster's own, which takes that for granted.
        Layer.tap((context) => Context.get(context, PgClient.PgClient)`SELECT 1`),
        orFail("the database does not answer")
      )
      const cluster =
        runner === undefined
          ? layer({ clientOnly: true, storage: "sql", shardingConfig })
          : layer({ storage: "sql", shardingConfig })
      return cluster.pipe(orFail("the sockets or settings are refused"), Layer.provide(sql))
    })
  )
