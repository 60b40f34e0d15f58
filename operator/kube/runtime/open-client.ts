import { KubeConfig } from "@kubernetes/client-node";
import type { Registry } from "prom-client";
import type { Log } from "#process";
import { ApiError, type Client, type Discovery, type ListOptions, type Watcher } from "./client.ts";
import { systemClock } from "./clock.ts";
import { createResources, groupPath } from "./discovery.ts";
import { refOf, refText, type Kind, type KubeObject, type Ref } from "./object.ts";
import { parseEvent, parseObject, parsePage } from "./parse.ts";
import { tokenBucket } from "./token-bucket.ts";
import { openTransport } from "./transport.ts";

const PAGE = "500";
const LIST_TRIES = 3;
/** A kind that went with its CRD is noticed by `hasKind` after so long. */
const HAS_KIND_MAX_AGE_MS = 15_000;

/** The process's way to the API server. */
export type KubeClient = Client & Watcher & Discovery & AsyncDisposable;

export interface ClientOptions {
  /** Default: as kubectl finds it ($KUBECONFIG, ~/.kube/config), else the pod's service account. */
  config?: KubeConfig;
  requestsPerSecond?: number;
  burst?: number;
  /** For an answer, from the request's turn on. */
  timeoutMs?: number;
  log: Log;
  registry: Registry;
  userAgent: string;
}

type SnapshotOptions = ListOptions & { signal?: AbortSignal };

const defaultConfig = (): KubeConfig => {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
};

/** Opens no connection yet. Throws where the kubeconfig names no cluster. */
export const openClient = ({
  config = defaultConfig(),
  requestsPerSecond = 50,
  burst = 100,
  timeoutMs = 30_000,
  log,
  registry,
  userAgent,
}: ClientOptions): KubeClient => {
  const bucket = tokenBucket({ perSecond: requestsPerSecond, burst }, systemClock.now);
  const transport = openTransport({ config, bucket, timeoutMs, log, registry, userAgent });
  const resources = createResources(transport);

  const pathOf = async (kind: Kind, namespace: string | undefined, name?: string): Promise<string> => {
    const resource = await resources.find(kind, Infinity);
    if (resource === undefined) {
      throw new ApiError(404, "NotFound", `the API server does not serve ${kind.apiVersion} ${kind.kind}`);
    }
    const scope = resource.namespaced && namespace !== undefined ? ["namespaces", namespace] : [];
    if (resource.namespaced && name !== undefined && namespace === undefined) {
      throw new Error(`${kind.kind} ${name} has no namespace`);
    }
    const parts = [...scope, resource.plural, ...(name === undefined ? [] : [name])];
    return [groupPath(kind.apiVersion), ...parts.map(encodeURIComponent)].join("/");
  };
  const objectPath = (ref: Ref, subresource?: string): Promise<string> =>
    pathOf(ref, ref.namespace, ref.name).then((path) => (subresource === undefined ? path : `${path}/${subresource}`));

  const pages = async (kind: Kind, { namespace, labelSelector, fieldSelector, ...signal }: SnapshotOptions) => {
    const path = await pathOf(kind, namespace);
    const objects: KubeObject[] = [];
    let from: string | undefined;
    for (;;) {
      const query = { limit: PAGE, continue: from, labelSelector, fieldSelector };
      const page = parsePage(await transport.call({ method: "GET", path, query, ...signal }), kind);
      objects.push(...page.objects);
      if (page.next === "") return { objects, resourceVersion: page.resourceVersion };
      from = page.next;
    }
  };
  const snapshot = async (kind: Kind, options: SnapshotOptions = {}) => {
    for (let tries = 1; ; tries++) {
      try {
        return await pages(kind, options);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404) resources.forget(kind.apiVersion);
        // 410: a continue token outlived the version it belongs to; only a new list is consistent.
        if (error.status !== 410 || tries === LIST_TRIES) throw error;
      }
    }
  };

  return {
    async get(ref) {
      try {
        return parseObject(await transport.call({ method: "GET", path: await objectPath(ref) }));
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      }
    },
    list: async (kind, options) => (await snapshot(kind, options)).objects,
    async create(object, { fieldManager, dryRun }) {
      const path = await pathOf(object, object.metadata.namespace);
      const query = { fieldManager, dryRun: dryRun ? "All" : undefined };
      return parseObject(await transport.call({ method: "POST", path, query, body: object }));
    },
    async apply(object, { fieldManager, force, subresource, dryRun }) {
      const { namespace, name } = refOf(object);
      // The scale of any kind is an object of one kind of its own.
      const body =
        subresource === "scale"
          ? { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name, namespace }, spec: object["spec"] }
          : object;
      return parseObject(
        await transport.call({
          method: "PATCH",
          path: await objectPath(refOf(object), subresource),
          query: { fieldManager, force: String(force), dryRun: dryRun ? "All" : undefined },
          body,
          contentType: "application/apply-patch+yaml",
        }),
      );
    },
    async merge(ref, body, { fieldManager, subresource }) {
      const path = await objectPath(ref, subresource);
      const contentType = "application/merge-patch+json";
      return parseObject(await transport.call({ method: "PATCH", path, query: { fieldManager }, body, contentType }));
    },
    async delete(ref, { preconditions, propagation = "Background" } = {}) {
      const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions, propagationPolicy: propagation };
      try {
        await transport.call({ method: "DELETE", path: await objectPath(ref), body });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        log.debug({ ref: refText(ref) }, "was gone already");
      }
    },
    snapshot,
    async *watch(kind, { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, ...options }) {
      const path = await pathOf(kind, namespace);
      const query = {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion,
        timeoutSeconds: String(timeoutSeconds),
        labelSelector,
        fieldSelector,
      };
      for await (const line of transport.lines({ method: "GET", path, query }, options)) yield parseEvent(line);
    },
    hasKind: async (kind) => (await resources.find(kind, HAS_KIND_MAX_AGE_MS)) !== undefined,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
};
