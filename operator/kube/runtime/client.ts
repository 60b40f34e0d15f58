import type { Kind, KubeObject, Ref } from "./object.ts";

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/** What an object must still be for a write to happen; else the API server answers 409. */
export interface Preconditions {
  uid?: string;
  resourceVersion?: string;
}

/**
 * The API server, over one kept-alive connection pool and one rate limit for all requests of the process. Rejects with `ApiError`
 * where the server answers and says no, with the transport's error where it does not answer; nothing is retried here but 429, after
 * the seconds that it asks for. `get` is undefined for 404; `list` follows the pages.
 */
export interface Client {
  get(ref: Ref): Promise<KubeObject | undefined>;
  list(kind: Kind, options?: ListOptions): Promise<KubeObject[]>;
  create(object: KubeObject, options: { fieldManager: string; dryRun?: boolean }): Promise<KubeObject>;
  /** Server-side apply; `subresource`: "status" or "scale". A uid in the object's metadata is a precondition. */
  apply(
    object: KubeObject,
    options: { fieldManager: string; force: boolean; subresource?: "status" | "scale"; dryRun?: boolean },
  ): Promise<KubeObject>;
  /** JSON merge patch; a resourceVersion or uid in `body.metadata` is a precondition. */
  merge(
    ref: Ref,
    body: object,
    options: { fieldManager: string; subresource?: "status" | "scale" },
  ): Promise<KubeObject>;
  /** Gone already counts as done. */
  delete(
    ref: Ref,
    options?: { preconditions?: Preconditions; propagation?: "Background" | "Foreground" | "Orphan" },
  ): Promise<void>;
}

/** The API server said no. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** Kubernetes' own word, such as Conflict, Invalid, Forbidden, AlreadyExists, NotFound. */
  readonly reason: string;
  constructor(status: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.reason = reason;
  }
}

/** A change as a watch tells it; `resourceVersion` is the place to watch on from. */
export type WatchEvent =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: KubeObject; resourceVersion: string }
  | { type: "BOOKMARK"; resourceVersion: string };

export interface WatchOptions extends ListOptions {
  resourceVersion: string;
  /** The server ends the watch after so many seconds. */
  timeoutSeconds: number;
  /** A stream on which nothing at all arrives for so long is taken for dead. The API server sends a bookmark a minute. */
  silentAfterMs: number;
  signal: AbortSignal;
}

/** What an informer needs beside reading. */
export interface Watcher {
  /** A consistent list, and the place to watch on from. */
  snapshot(
    kind: Kind,
    options?: ListOptions & { signal?: AbortSignal },
  ): Promise<{ objects: KubeObject[]; resourceVersion: string }>;
  /** Ends when the server ends it; throws `ApiError` (410: the place is too old), or the transport's error, when it is cut. */
  watch(kind: Kind, options: WatchOptions): AsyncIterable<WatchEvent>;
}

/** What the API server serves at the moment; a CRD that appears or goes is noticed within some seconds. */
export interface Discovery {
  hasKind(kind: Kind): Promise<boolean>;
}
