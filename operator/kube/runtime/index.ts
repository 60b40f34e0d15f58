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
export { controllerOf } from "./owner.ts";
export { prune, toPrune, type PruneInput } from "./prune.ts";
