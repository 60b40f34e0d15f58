export type { Instance, InstanceState, Signal, Signals, Substrate } from "./port.ts";
export type {
  EnvValue,
  Problem,
  Role,
  RoleName,
  Server,
  ServerName,
  Topology,
  UserVariable,
} from "./topology/model.ts";
export type { ClusterStatus, Condition, PoolStatus } from "./status/model.ts";
export { topology } from "./topology/topology.ts";
export { startReconciling, type ReconcileOptions } from "./reconcile.ts";
export type { Queue } from "./kube/runtime/work-queue.ts";
export { openSignals, type SignalsOptions } from "./signals.ts";
