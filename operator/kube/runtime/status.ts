import type { Log } from "#process";
import { canonical } from "./canonical.ts";
import { ApiError, type Client } from "./client.ts";
import { systemClock, type Clock } from "./clock.ts";
import { refOf, type KubeObject } from "./object.ts";
import { statusChange } from "./status-change.ts";

export interface StatusWriterOptions {
  client: Client;
  fieldManager: string;
  log: Log;
  /** Paths in the status (`["pools", "*", "backlog"]`) whose changes alone are written at most every `everyMs` (30 s). */
  numbers?: { paths: readonly (readonly string[])[]; everyMs?: number };
  clock?: Clock;
  /** ms since 1970, for lastTransitionTime. */
  today?: () => number;
}

export interface StatusWriter extends AsyncDisposable {
  /**
   * Makes `wanted` the status of `live`, an object as an informer has it, if that changes what it says. An object that is gone, or is
   * another by now, is left alone. Rejects where the API server is away or refuses for another reason. A change of numbers alone may
   * be written later; a failure of that is logged, and made up for by the next call.
   */
  write(live: KubeObject, wanted: object): Promise<void>;
  /** What is known of an object that is gone is dropped. */
  forget(uid: string): void;
}

interface Written {
  /** The object's resourceVersion and uid as the writer saw it, and its status after. */
  seen: string | undefined;
  wanted: string;
  status: unknown;
  at: number;
}

interface Memory {
  last: Written | undefined;
  later: Disposable | undefined;
  /** One write of an object after the other. */
  tail: Promise<void>;
}

/** Writes `.status` by server-side apply, only when it changed, under a field manager of its own. Disposing drops the numbers that wait. */
export const openStatusWriter = ({
  client,
  fieldManager,
  log,
  numbers,
  clock = systemClock,
  today = Date.now,
}: StatusWriterOptions): StatusWriter => {
  const { paths = [], everyMs = 30_000 } = numbers ?? {};
  const memories = new Map<string, Memory>();

  /** Of another object of that name, the API server says 409, or 422: a uid cannot be changed. */
  const isGone = async (live: KubeObject, error: unknown): Promise<boolean> => {
    if (!(error instanceof ApiError)) return false;
    if (error.status === 404 || error.status === 409) return true;
    return error.status === 422 && (await client.get(refOf(live)))?.metadata.uid !== live.metadata.uid;
  };

  const apply = async (live: KubeObject, status: object, wanted: string, memory: Memory): Promise<void> => {
    const { apiVersion, kind, metadata } = live;
    const { name, namespace, uid } = metadata;
    const address = { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) };
    try {
      const result = await client.apply(
        { apiVersion, kind, metadata: address, status },
        { fieldManager, force: true, subresource: "status" },
      );
      memory.last = { seen: metadata.resourceVersion, wanted, status: result["status"], at: clock.now() };
    } catch (error) {
      if (!(await isGone(live, error))) throw error;
      log.debug({ err: error, name, namespace }, "a status was not written: the object is gone or another by now");
    }
  };

  const decide = async (live: KubeObject, wanted: object, memory: Memory): Promise<void> => {
    const { last } = memory;
    const text = canonical(wanted);
    // The informer may not have seen the last write yet.
    const isBehind = last?.seen !== undefined && last.seen === live.metadata.resourceVersion;
    const base = isBehind ? last.status : live["status"];
    // A server that changes what it is given (defaults, pruned fields) must not be written to for ever.
    if (last?.wanted === text && canonical(last.status) === canonical(base)) return;
    const { status, change } = statusChange(base, wanted, { now: today(), numbers: paths });
    if (change === "none") return;
    const dueIn = change === "numbers" && last !== undefined ? last.at + everyMs - clock.now() : 0;
    if (dueIn <= 0) return apply(live, status, text, memory);
    memory.later = clock.after(dueIn, () => {
      memory.later = undefined;
      memory.tail = memory.tail
        .then(() => apply(live, status, text, memory))
        .catch((error: unknown) => log.warn({ err: error, name: live.metadata.name }, "numbers were not written"));
    });
  };

  return {
    write: (live, wanted) => {
      const uid = live.metadata.uid ?? "";
      const memory = memories.get(uid) ?? { last: undefined, later: undefined, tail: Promise.resolve() };
      memories.set(uid, memory);
      memory.later?.[Symbol.dispose]();
      memory.later = undefined;
      const done = memory.tail.then(() => decide(live, wanted, memory));
      memory.tail = done.catch(() => undefined);
      return done;
    },
    forget: (uid) => {
      memories.get(uid)?.later?.[Symbol.dispose]();
      memories.delete(uid);
    },
    async [Symbol.asyncDispose]() {
      for (const { later } of memories.values()) later?.[Symbol.dispose]();
      await Promise.all([...memories.values()].map(({ tail }) => tail));
    },
  };
};
