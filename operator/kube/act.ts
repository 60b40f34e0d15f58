import { isFormer } from "./former.ts";
import type { Plan } from "./plan/model.ts";
import {
  ApiError,
  type Applier,
  type Client,
  type KubeObject,
  type OwnerReference,
  type Ref,
  isControlledBy,
  prune,
  refOf,
} from "./runtime/index.ts";
import { ensureSecret, SECRET } from "./secrets.ts";

/** The operator's name, as the Lease, events and fields have it. */
export const NAME = "realtime-operator";
export const FIELD_MANAGER = NAME;
const SCALE_MANAGER = `${NAME}-scale`;

/** What the API server would not have, or what is somebody else's. */
export interface Refusal {
  ref: Ref;
  /** HTTP status; 0: the object is somebody else's and was left alone. */
  status: number;
  message: string;
}

/** Something that was done to an object. */
export interface Deed {
  ref: Ref;
  what: "created" | "updated" | "removed" | "scaled" | "grown" | "recreated";
  /** The number behind it. */
  detail?: string;
}

export interface Acted {
  refusals: Refusal[];
  deeds: Deed[];
  /** What a retry may mend. */
  failures: unknown[];
}

/** Kinds that may go when nothing wants them: none that holds data or was made once. */
const PRUNED = new Set([
  "Deployment",
  "StatefulSet",
  "RabbitmqCluster",
  "Service",
  "ConfigMap",
  "ServiceAccount",
  "PodDisruptionBudget",
  "NetworkPolicy",
  "Ingress",
  "HTTPRoute",
]);

/** A namespace that is not there, or a kind that is served no more. */
const NOWHERE = /^namespaces? "|could not find the requested resource|does not serve|server answered 404/;

/** No retry changes it: the object itself is refused, or the right to write it. */
const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  ([400, 403, 405, 413, 422].includes(error.status) || (error.status === 404 && NOWHERE.test(error.message)));

/**
 * Makes a plan so, thing by thing. What is refused or fails is returned, and the rest goes on. Nothing is pruned where something failed; what is refused does not hold it up, since it is wanted still.
 */
export const act = async (
  plan: Plan,
  {
    client,
    applier,
    live,
    namespace,
    owner,
  }: { client: Client; applier: Applier; live: readonly KubeObject[]; namespace: string; owner: OwnerReference },
): Promise<Acted> => {
  const refusals: Refusal[] = [];
  const deeds: Deed[] = [];
  const failures: unknown[] = [];
  const find = (kind: string, name: string) => live.find((it) => it.kind === kind && it.metadata.name === name);
  /** Whether it is there and somebody else's: the applier says so of what is wanted, and nothing else may touch it. */
  const isForeign = (kind: string, name: string) => {
    const it = find(kind, name);
    return it !== undefined && !isControlledBy(it, owner.uid);
  };

  /** In a namespace that is being deleted nothing can be made, and the first refusal is enough to know. */
  const isOver = () => refusals.some(({ message }) => /being terminated/.test(message));

  /** Whether it was done. */
  const attempt = async (ref: Ref, work: () => Promise<Deed["what"] | Omit<Deed, "ref"> | undefined>) => {
    if (isOver()) return false;
    try {
      const what = await work();
      if (what !== undefined) deeds.push({ ref, ...(typeof what === "string" ? { what } : what) });
      return true;
    } catch (error) {
      if (isRefusal(error)) refusals.push({ ref, status: error.status, message: error.message });
      else failures.push(error);
      return false;
    }
  };

  for (const wish of plan.secrets) {
    const ref = { ...SECRET, namespace, name: wish.name };
    await attempt(ref, async () => {
      const done = await ensureSecret(wish, find("Secret", wish.name), {
        client,
        namespace,
        owner,
        fieldManager: FIELD_MANAGER,
      });
      if (done === "foreign") refusals.push({ ref, status: 0, message: "exists and belongs to somebody else" });
      return done === "created" ? "created" : done === "filled" ? "updated" : undefined;
    });
  }

  /** StatefulSets of which a claim stays as small as it is. */
  const ungrown = new Set<string>();
  for (const { claim, storage, statefulSet } of plan.growths) {
    if (isForeign("StatefulSet", statefulSet)) continue;
    const ref = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: claim };
    const isGrown = await attempt(ref, async () => {
      await client.merge(ref, { spec: { resources: { requests: { storage } } } }, { fieldManager: FIELD_MANAGER });
      return { what: "grown", detail: storage };
    });
    if (!isGrown) ungrown.add(statefulSet);
  }

  /** `Kind name` of objects that are not written now: what is made anew is still going or cannot be yet, and a count that nobody has taken would fall to 1. */
  const skipped = new Set<string>();
  for (const ref of plan.replaced) {
    if (isForeign(ref.kind, ref.name)) continue;
    skipped.add(`${ref.kind} ${ref.name}`);
    // A larger template than its volumes could not be taken back.
    if (ungrown.has(ref.name)) continue;
    await attempt(ref, async () => {
      const uid = find(ref.kind, ref.name)?.metadata.uid;
      if (uid === undefined) return undefined;
      await client.delete({ ...ref, namespace }, { preconditions: { uid }, propagation: "Orphan" });
      return "recreated";
    });
  }

  for (const { deployment, replicas } of plan.counts) {
    if (isForeign("Deployment", deployment)) continue;
    const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace, name: deployment };
    const isTaken = await attempt(ref, async () => {
      await client.apply(
        { ...ref, metadata: { namespace, name: deployment }, spec: { replicas } },
        { fieldManager: SCALE_MANAGER, force: true, subresource: "scale" },
      );
      return { what: "scaled", detail: String(replicas) };
    });
    if (!isTaken) skipped.add(`Deployment ${deployment}`);
  }

  for (const object of plan.objects) {
    if (skipped.has(`${object.kind} ${object.metadata.name}`)) continue;
    const placed = { ...object, metadata: { ...object.metadata, namespace } };
    const ref = refOf(placed);
    await attempt(ref, async () => {
      const { outcome, object } = await applier.apply(placed, owner);
      if (outcome === "foreign" && !isFormer(object, owner))
        refusals.push({ ref, status: 0, message: "exists and belongs to somebody else" });
      return outcome === "created" ? "created" : outcome === "applied" ? "updated" : undefined;
    });
  }

  if (failures.length === 0) {
    const keep = [...plan.objects.map(refOf), ...plan.kept].map((ref) => ({ ...ref, namespace }));
    const mayDelete = ({ kind }: KubeObject) => PRUNED.has(kind);
    try {
      const removed = await prune({ client, live, keep, ownerUid: owner.uid, mayDelete });
      deeds.push(...removed.map((object) => ({ ref: refOf(object), what: "removed" as const })));
    } catch (error) {
      failures.push(error);
    }
  }
  return { refusals, deeds, failures };
};
