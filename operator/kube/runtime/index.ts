export {
  refOf,
  refText,
  keyOf,
  type KubeObject,
  type Kind,
  type Metadata,
  type OwnerReference,
  type Ref,
} from "./object.ts";
export {
  ApiError,
  type Client,
  type Discovery,
  type ListOptions,
  type Preconditions,
  type Watcher,
  type WatchEvent,
  type WatchOptions,
} from "./client.ts";
export { openClient, type ClientOptions, type KubeClient } from "./open-client.ts";
export { type Indexes, type OnChange } from "./cache.ts";
export { startInformer, type Informer, type InformerOptions } from "./informer.ts";
export { createApplier, type Applied, type Applier, type ApplierOptions } from "./apply.ts";
export { contained, differences, type Difference } from "./contained.ts";
export { controllerOf, isControlledBy } from "./owner.ts";
export { prune, toPrune, type PruneInput } from "./prune.ts";
export { type Clock, systemClock } from "./clock.ts";
export { startWorkQueue, type PassOutcome, type Queue, type WorkQueue, type WorkQueueOptions } from "./work-queue.ts";
export { startController, type ControllerOptions } from "./controller.ts";
export { runLeaderElected, LEASE_TIMING, type Candidate, type ElectionOptions, type Term } from "./leader-election.ts";
export { fenced, fencedConfig } from "./fenced.ts";
export {
  openEventRecorder,
  type EventRecorder,
  type EventRecorderOptions,
  type Happening,
  type ObjectRef,
} from "./events.ts";
export { openStatusWriter, type StatusWriter, type StatusWriterOptions } from "./status.ts";
export { notStuck, standsForLeader, startsInTime, type Check } from "./health.ts";
