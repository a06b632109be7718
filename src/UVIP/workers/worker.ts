import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import { Layer } from "effect"
import { RpcServer } from "effect/rpc"
import { Tasks, tasksLayer } from "./Tasks.ts"

// What a worker thread runs: it waits for tasks until the pool that started it is closed.
RpcServer.layer(Tasks).pipe(
  Layer.provide(tasksLayer),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide(NodeWorkerRunner.layer),
  Layer.launch,
  NodeRuntime.runMain
)
