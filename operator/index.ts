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
export type { ClusterStatus, Condition, PoolStatus, ScalingStatus } from "./status/model.ts";
export { topology } from "./topology/topology.ts";
export { scaledEvent } from "./scale/tell.ts";
export type { Scaling } from "./scale/count.ts";
export { startReconciling, type ReconcileOptions } from "./reconcile.ts";
export type { Queue } from "./kube/runtime/work-queue.ts";
export { openSignals, type SignalsOptions } from "./signals.ts";
