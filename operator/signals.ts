import { setTimeout as delay } from "node:timers/promises";
import { snapshot as snapshotSchema, type ClusterEvent, type Snapshot } from "#crds";
import { backoffMs, counter, type Log } from "#process";
import type { Registry } from "prom-client";
import type { Signals } from "./port.ts";

export interface SignalsOptions {
  cluster: string;
  /** host:port of the control ports of the gateways that run now. */
  controls: () => readonly string[];
  /** The bearer token, read before each connect. */
  token: () => Promise<string>;
  /** Called with a snapshot, once it is the latest, that says something else of the servers or of the pools' jobs than the last before it. */
  onNews?: (snapshot: Snapshot) => void;
  log: Log;
  registry: Registry;
  now?: () => number;
  random?: () => number;
}

/** ms after which a snapshot counts as unknown; a stream that is silent for as long is given up for another gateway's. */
const STALE_MS = 10_000;
/** So many gateways in a row, or all, that are cut off from the bus are believed that it is away. */
const BELIEVED = 3;
const MAX_LINE = 16 * 1024 * 1024;
const MAX_EVENTS = 1000;
const BATCH = 100;
const BACKOFF = { minMs: 200, maxMs: 5000 };

/** The lines of a body, without their ends; throws where one is longer than is sane. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE) throw new Error("a line of the signals is longer than 16 MiB");
    yield* parts.filter((line) => line !== "");
  }
}

const newsOf = ({ servers, pools }: Snapshot): string =>
  JSON.stringify([servers, pools.map(({ pool, ready, unacked, leaving }) => [pool, ready, unacked, leaving])]);

/**
 * One cluster's signals: a stream of snapshots from whichever gateway takes it and hears the others, and events posted to all gateways:
 * one that does not take them hears them from the others, and when the bus between them was away each has them all the same.
 */
export const openSignals = ({
  cluster,
  controls,
  token,
  onNews,
  log,
  registry,
  now = Date.now,
  random = Math.random,
}: SignalsOptions): Signals & AsyncDisposable => {
  const dropped = counter(registry, {
    name: "realtime_operator_cluster_events_dropped_total",
    help: "Events of processes that no gateway took in time",
  });
  const closing = new AbortController();
  let last: { snapshot: Snapshot; at: number } | undefined;
  /** How many gateways, one after the other, did not hear the others. */
  let cutOff = 0;
  let turn = 0;
  const pending: ClusterEvent[] = [];
  let wake: (() => void) | undefined;

  const nextControl = (): string | undefined => {
    const all = controls();
    return all[turn++ % Math.max(1, all.length)];
  };

  /** Repeats `work` until closed: at once after true, after a growing pause else. */
  const repeat = async (work: () => Promise<boolean>): Promise<void> => {
    let failures = 0;
    while (!closing.signal.aborted) {
      let done = false;
      try {
        done = await work();
      } catch (error) {
        log.debug({ err: error }, "a gateway's control port did not answer");
      }
      failures = done ? 0 : failures + 1;
      if (failures > 0)
        await delay(backoffMs(failures, BACKOFF, random), undefined, { signal: closing.signal }).catch(() => {});
    }
  };

  const listen = async (): Promise<boolean> => {
    const control = nextControl();
    if (control === undefined) return false;
    const silence = new AbortController();
    const abort = () => silence.abort();
    closing.signal.addEventListener("abort", abort);
    let timer = setTimeout(abort, STALE_MS);
    let received = false;
    try {
      const response = await fetch(`http://${control}/signals`, {
        headers: { authorization: `Bearer ${await token()}` },
        signal: silence.signal,
      });
      if (!response.ok || response.body === null) throw new Error(`${control}/signals answered ${response.status}`);
      for await (const line of linesOf(response.body)) {
        clearTimeout(timer);
        timer = setTimeout(abort, STALE_MS);
        const snapshot = snapshotSchema.parse(JSON.parse(line));
        received = true;
        const { length } = controls();
        cutOff = snapshot.servers.adapter ? 0 : cutOff + 1;
        // It speaks for itself alone: another may know of all.
        if (cutOff > 0 && cutOff < Math.min(length, BELIEVED)) break;
        const isNews = last === undefined || newsOf(last.snapshot) !== newsOf(snapshot);
        last = { snapshot, at: now() };
        if (isNews) onNews?.(snapshot);
        if (cutOff > 0 && length > 1) break;
      }
    } catch (error) {
      if (!received) throw error;
    } finally {
      clearTimeout(timer);
      closing.signal.removeEventListener("abort", abort);
      silence.abort();
    }
    return received;
  };

  const postTo = async (address: string, body: unknown): Promise<void> => {
    const response = await fetch(`http://${address}`, {
      method: "POST",
      headers: { authorization: `Bearer ${await token()}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(5000)]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  };

  const post = async (): Promise<boolean> => {
    if (pending.length === 0) {
      await new Promise<void>((resolve) => (wake = resolve));
      return true;
    }
    const events = pending.slice(0, BATCH);
    const answers = await Promise.allSettled(controls().map((control) => postTo(`${control}/cluster-events`, events)));
    const failure = answers.find((answer) => answer.status === "rejected");
    if (!answers.some(({ status }) => status === "fulfilled")) {
      if (failure === undefined) return false;
      throw failure.reason;
    }
    const sent = new Set(events);
    pending.splice(0, pending.length, ...pending.filter((event) => !sent.has(event)));
    return true;
  };

  const loops = [repeat(listen), repeat(post)];
  return {
    latest: (key) => {
      if (key !== cluster || last === undefined) return undefined;
      const ageMs = now() - last.at;
      return ageMs > STALE_MS ? undefined : { snapshot: last.snapshot, ageMs };
    },
    announce: (key, events) => {
      if (key !== cluster) return;
      pending.push(...events);
      if (pending.length > MAX_EVENTS) dropped.inc(pending.splice(0, pending.length - MAX_EVENTS).length);
      wake?.();
    },
    shed: (key, orders) => {
      if (key !== cluster || orders.length === 0) return;
      for (const control of controls())
        postTo(`${control}/shed`, orders).catch((error: unknown) =>
          log.info({ err: error, control }, "a gateway could not be told to shed"),
        );
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      wake?.();
      await Promise.all(loops);
    },
  };
};
