import { createHash } from "node:crypto";
import type { Registry } from "prom-client";
import { counter, type Log } from "#process";
import { canonical } from "./canonical.ts";
import { ApiError, type Client } from "./client.ts";
import { differences, type Difference } from "./contained.ts";
import { claimCreated } from "./managed-fields.ts";
import { refOf, refText, type KubeObject, type OwnerReference, type Ref } from "./object.ts";
import { isControlledBy } from "./owner.ts";

/** What came of it, and the object as it is now. */
export interface Applied {
  outcome: "created" | "applied" | "unchanged" | "foreign";
  object: KubeObject;
  /** It is on its way out and was left alone: look again when it is gone. */
  deleting?: true;
  /** Somebody keeps changing it back; it was left alone until then. */
  retryAfterMs?: number;
}

export interface Applier {
  /**
   * Makes the object be there with `owner` as its controller and the fields of `desired`, and those that an earlier apply set and
   * `desired` no longer has be gone. Writes nothing where that is so already. An object of somebody else's is left as it is:
   * foreign. Rejects with `ApiError` where the API server refuses (422 Invalid: a field that may not change, among others).
   */
  apply(desired: KubeObject, owner: OwnerReference): Promise<Applied>;
  /** To be called when an object was seen to go. */
  forget(ref: Ref): void;
}

export interface ApplierOptions {
  client: Client;
  fieldManager: string;
  /** `example.com`: of the annotation `example.com/applied-hash`. */
  annotationPrefix: string;
  /** The object as an informer has it. It may be behind: before each write the API server is asked. */
  live: (ref: Ref) => KubeObject | undefined;
  log: Log;
  registry: Registry;
  now?: () => number;
}

/** What is known of an object that this process wrote. */
interface Written {
  hash: string;
  /** Differences that stayed when it was written. */
  stayed: ReadonlySet<string>;
  /** What the last write set right, how often in a row it did, and when. */
  mended: string;
  times: number;
  atMs: number;
}

const FREE_REPEATS = 5;
const CALM_MS = 60_000;
const LONGEST_WAIT_MS = 300_000;

const waitMs = (times: number): number =>
  times < FREE_REPEATS ? 0 : Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (times - FREE_REPEATS));

const textOf = ({ path, live }: Difference): string => `${path}=${live}`;
const pathsOf = (found: readonly Difference[]): string => found.map(({ path }) => path).join(" ");

export const createApplier = (options: ApplierOptions): Applier => {
  const { client, fieldManager, annotationPrefix, live, log, registry, now = () => performance.now() } = options;
  const written = new Map<string, Written>();
  const withoutEffect = counter(registry, {
    name: "apply_without_effect_total",
    help: "Writes after which an object was, or soon was again, other than written.",
    labelNames: ["kind"],
  });

  const wantedOf = (desired: KubeObject, owner: OwnerReference, hash: string): KubeObject => ({
    ...desired,
    metadata: {
      ...desired.metadata,
      annotations: { ...desired.metadata.annotations, [`${annotationPrefix}/applied-hash`]: hash },
      ownerReferences: [{ ...owner, controller: true }],
    },
  });

  const apply = async (desired: KubeObject, owner: OwnerReference): Promise<Applied> => {
    const ref = refOf(desired);
    const key = refText(ref);
    const hash = createHash("sha256").update(canonical(desired)).digest("hex").slice(0, 16);
    const wanted = wantedOf(desired, owner, hash);
    const before = written.get(key);
    const stayed = before?.hash === hash ? before.stayed : new Set<string>();

    /** What there is to mend; or the outcome, where nothing is to be written. */
    const judge = (object: KubeObject): Difference[] | Applied => {
      const deleting = object.metadata.deletionTimestamp === undefined ? {} : { deleting: true as const };
      if (!isControlledBy(object, owner.uid)) return { outcome: "foreign", object, ...deleting };
      const found = differences(wanted, object).filter((difference) => !stayed.has(textOf(difference)));
      return deleting.deleting || found.length === 0 ? { outcome: "unchanged", object, ...deleting } : found;
    };

    const remember = (object: KubeObject, mended: string, times: number): void => {
      const left = differences(wanted, object);
      if (left.length > 0) {
        withoutEffect.inc({ kind: ref.kind });
        log.warn({ object: key, fields: pathsOf(left) }, "fields stay other than written; they are left as they are");
      }
      written.set(key, { hash, stayed: new Set(left.map(textOf)), mended, times, atMs: now() });
    };

    const create = async (): Promise<Applied> => {
      const object = await client.create(wanted, { fieldManager });
      remember(object, "", 0);
      return { outcome: "created", object };
    };

    const repeatsOf = (mended: string): number => {
      if (before?.hash !== hash || before.mended !== mended) return 0;
      return now() - before.atMs < Math.max(CALM_MS, 2 * waitMs(before.times)) ? before.times : 0;
    };

    const cached = live(ref);
    if (cached !== undefined) {
      const verdict = judge(cached);
      if (!Array.isArray(verdict)) return verdict;
    } else if (before === undefined) {
      try {
        return await create();
      } catch (error) {
        if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
      }
    }

    // The cache may be behind our own last write, and has no managed fields.
    const fresh = await client.get(ref);
    if (fresh === undefined) return create();
    const verdict = judge(fresh);
    if (!Array.isArray(verdict)) return verdict;

    const mended = pathsOf(verdict);
    const times = repeatsOf(mended);
    const retryAfterMs = before === undefined ? 0 : before.atMs + waitMs(times) - now();
    if (retryAfterMs > 0) return { outcome: "unchanged", object: fresh, retryAfterMs };
    if (times >= FREE_REPEATS) {
      withoutEffect.inc({ kind: ref.kind });
      log.warn({ object: key, fields: mended, times }, "fields are changed again and again by somebody else");
    }

    const { uid } = fresh.metadata;
    await claimCreated(client, fresh, fieldManager);
    const object = await client.apply(
      { ...wanted, metadata: { ...wanted.metadata, ...(uid === undefined ? {} : { uid }) } },
      { fieldManager, force: true },
    );
    remember(object, mended, times + 1);
    return { outcome: "applied", object };
  };

  return { apply, forget: (ref) => void written.delete(refText(ref)) };
};
