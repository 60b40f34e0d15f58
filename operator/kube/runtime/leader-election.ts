import { Registry } from "prom-client";
import { gauge, type Log } from "#process";
import { ApiError, type Client } from "./client.ts";
import { systemClock, type Clock } from "./clock.ts";
import { freeAt, heldBy, observed, recordOf, released, type LeaseRecord, type Observed } from "./lease.ts";
import type { KubeObject, Ref } from "./object.ts";

/** client-go's defaults, ms: how long others respect a lease, how long its holder acts on the last renewal, how often it is renewed. */
export const LEASE_TIMING = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 };

export interface ElectionOptions {
  client: Client;
  lease: { namespace: string; name: string };
  /** This process, unlike any other that was or will be. */
  identity: string;
  /** Called once, when this process leads. What it gives is disposed before the lease is released. */
  onLead: (term: Term) => AsyncDisposable | Promise<AsyncDisposable>;
  log: Log;
  registry?: Registry;
  timing?: typeof LEASE_TIMING;
  clock?: Clock;
  /** ms since 1970, for those who read the Lease. */
  today?: () => number;
  random?: () => number;
}

export interface Term {
  /** Whether it leads, going by the last renewal that is known to have arrived: true for less than the time for which others wait. */
  isLeader(): boolean;
  /** Aborts when leadership is lost, and when the candidate is disposed before `onLead` has resolved. */
  readonly signal: AbortSignal;
}

/** Disposing ends what leads, then releases the lease, so that another leads at once. */
export interface Candidate extends AsyncDisposable {
  /** As in its `Term`. */
  isLeader(): boolean;
  /** Resolves with the reason when leadership is lost, or `onLead` failed: for good; the process is to end, with an exit code not 0. */
  readonly lost: Promise<Error>;
  /** ms since the loop last tried. Never much more than the renew deadline in a loop that lives. */
  silentMs(): number;
  /** ms for which `onLead` has been under way; undefined: it is not. */
  startingMs(): number | undefined;
}

type Attempt = { lease: KubeObject } | { holder: string; freeAt: number };

const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 409 || error.status === 404);

/**
 * Stands for leader by a Lease, as client-go does: a record that does not change for its duration, by our own clock, may be taken; every
 * write has the resourceVersion that was read as a precondition. A process that was stopped, or cut off, is no leader any more by its own
 * clock, when it goes on, 5 s before another can be.
 */
export const runLeaderElected = ({
  client,
  lease,
  identity,
  onLead,
  log,
  registry = new Registry(),
  timing = LEASE_TIMING,
  clock = systemClock,
  today = Date.now,
  random = Math.random,
}: ElectionOptions): Candidate => {
  const ref: Ref = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease };
  const fieldManager = "leader-election";
  const master = gauge(registry, {
    name: "leader_election_master_status",
    help: "1 while this process leads by the lease of that name, else 0",
    labelNames: ["name"],
  }).labels({ name: lease.name });
  const losing = new AbortController();
  const lost = Promise.withResolvers<Error>();
  const stop = Promise.withResolvers<void>();
  let state: "standby" | "leading" | "over" = "standby";
  let stopping = false;
  let seen: Observed | undefined;
  let held: KubeObject | undefined;
  let renewedAt = -Infinity;
  let triedAt = clock.now();
  let startingSince: number | undefined;
  let deadline: Disposable | undefined;
  let term: Promise<AsyncDisposable | undefined> = Promise.resolve(undefined);
  master.set(0);

  const isOver = (): boolean => stopping || state === "over";
  const unrenewed = () => new Error(`the lease was not renewed for ${timing.renewDeadlineMs} ms`);
  const isLeader = (): boolean => state === "leading" && clock.now() - renewedAt < timing.renewDeadlineMs;

  const leave = (): void => {
    state = "over";
    deadline?.[Symbol.dispose]();
    master.set(0);
  };

  const lose = (reason: Error): void => {
    if (state === "over") return;
    leave();
    log.error({ err: reason, lease: lease.name }, "leadership is lost");
    losing.abort(reason);
    lost.resolve(reason);
  };

  const write = (of: KubeObject, spec: object): Promise<KubeObject> =>
    client.merge(ref, { metadata: { resourceVersion: of.metadata.resourceVersion }, spec }, { fieldManager });

  const mine = (before: LeaseRecord | undefined) =>
    heldBy(identity, before, { today: today(), durationMs: timing.durationMs });

  /** Does not make this process a leader by itself, since it may end after it was given up. */
  const attempt = async (): Promise<Attempt> => {
    if (held !== undefined) {
      try {
        return { lease: await write(held, mine(recordOf(held))) };
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    const current = await client.get(ref);
    try {
      if (current === undefined) {
        const { apiVersion, kind } = ref;
        return {
          lease: await client.create({ apiVersion, kind, metadata: lease, spec: mine(undefined) }, { fieldManager }),
        };
      }
      const record = recordOf(current);
      seen = observed(seen, record, clock.now());
      const free = freeAt(seen, identity, timing.durationMs);
      const isTaken = state === "leading" ? record.holder !== identity : clock.now() < free;
      if (isTaken) return { holder: record.holder, freeAt: free };
      return { lease: await write(current, mine(record)) };
    } catch (error) {
      if (!isConflict(error) || state === "leading") throw error;
      return { holder: "another, who was faster", freeAt: Infinity };
    }
  };

  const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
    const late = Promise.withResolvers<never>();
    using _ = clock.after(ms, () => late.reject(new Error(`no answer from the API server within ${ms} ms`)));
    return await Promise.race([promise, late.promise]);
  };

  const renewed = (by: KubeObject, sentAt: number): void => {
    held = by;
    const left = timing.renewDeadlineMs - (clock.now() - sentAt);
    if (left <= 0) return;
    renewedAt = sentAt;
    deadline?.[Symbol.dispose]();
    deadline = clock.after(left, () => lose(unrenewed()));
    if (state === "leading") return;
    state = "leading";
    if (stopping) return;
    master.set(1);
    log.info({ lease: lease.name, identity }, "leads");
    startingSince = clock.now();
    term = (async () => onLead({ isLeader, signal: losing.signal }))().finally(() => void (startingSince = undefined));
    term.catch((error: unknown) => {
      if (!losing.signal.aborted) lose(new Error("what is to lead could not start", { cause: error }));
    });
  };

  const loop = async (): Promise<void> => {
    while (!isOver()) {
      if (state === "leading" && !isLeader()) return lose(unrenewed());
      const sentAt = clock.now();
      let waitMs = timing.retryMs * (1 + random() / 5);
      try {
        const result = await within(timing.renewDeadlineMs / 2, attempt());
        if (state === "over") return;
        if ("lease" in result) renewed(result.lease, sentAt);
        else if (state === "leading") lose(new Error(`the lease is held by ${result.holder || "nobody"}`));
        else waitMs = Math.min(waitMs, Math.max(0, result.freeAt - clock.now()));
      } catch (error) {
        log.warn({ err: error, lease: lease.name, state }, "the lease could not be read or written");
      }
      triedAt = clock.now();
      const rest = Promise.withResolvers<void>();
      using _ = clock.after(waitMs, rest.resolve);
      await Promise.race([rest.promise, stop.promise]);
    }
  };
  const running = loop();

  const release = async (): Promise<void> => {
    for (let lastTry = false; ; lastTry = true) {
      const current = held ?? (await client.get(ref));
      if (current === undefined || recordOf(current).holder !== identity) return;
      try {
        await write(current, released(today()));
        return log.info({ lease: lease.name }, "the lease is released");
      } catch (error) {
        if (lastTry || !isConflict(error)) throw error;
        held = undefined;
      }
    }
  };

  return {
    isLeader,
    lost: lost.promise,
    silentMs: () => clock.now() - triedAt,
    startingMs: () => (startingSince === undefined ? undefined : clock.now() - startingSince),
    async [Symbol.asyncDispose]() {
      if (state !== "leading") {
        stopping = true;
        stop.resolve();
      }
      if (startingSince !== undefined) losing.abort(new Error("stopped before it was ready to lead"));
      const leading = await term.catch(() => undefined);
      await leading?.[Symbol.asyncDispose]();
      stopping = true;
      stop.resolve();
      await running;
      const wasLeader = isLeader();
      leave();
      if (!wasLeader) return;
      await within(timing.renewDeadlineMs / 2, release()).catch((error: unknown) =>
        log.warn({ err: error, lease: lease.name }, "the lease could not be released: others wait until it expires"),
      );
    },
  };
};
