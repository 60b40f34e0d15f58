import type { Bus, Subscription } from "#adapter";
import { decodeReply, jobKey, Refusal, replyTopic, type Reply } from "#crds";
import type { Log } from "#process";

/** Requests that wait for their worker's answer. */
export interface Requests extends AsyncDisposable {
  /**
   * Calls `settle` once, with the answer or with undefined after `timeoutMs`. Throws a Refusal where such a request waits already
   * (`id_conflict`), or too many do (`queue_full`).
   */
  ask(key: string, timeoutMs: number, settle: (answer: Reply | undefined) => void): void;
  /** Forgets it: it was not taken. */
  forget(key: string): void;
  size(): number;
}

const LOOK_MS = 100;
const MAX_WAITING = 100_000;

/** Hears the answers on this node's topic; one timer looks for those that did not come. */
export const createRequests = async ({
  bus,
  node,
  log,
  clock,
  maxWaiting = MAX_WAITING,
}: {
  bus: Bus;
  node: string;
  log: Log;
  clock: () => number;
  maxWaiting?: number;
}): Promise<Requests> => {
  const waiting = new Map<string, { settle: (answer: Reply | undefined) => void; timeoutMs: number }>();
  /** By how long they may take, so that in each map those that are due stand first: key → until. */
  const due = new Map<number, Map<string, number>>();
  const take = (key: string) => {
    const it = waiting.get(key);
    if (it === undefined) return undefined;
    waiting.delete(key);
    const alike = due.get(it.timeoutMs);
    alike?.delete(key);
    if (alike?.size === 0) due.delete(it.timeoutMs);
    return it;
  };
  const finish = (key: string, answer: Reply | undefined) => take(key)?.settle(answer);
  const expire = (alike: Map<string, number>, now: number) => {
    for (const [key, until] of alike) {
      if (until > now) return;
      finish(key, undefined);
    }
  };
  const subscription: Subscription = await bus.subscribe(replyTopic(node), (message) => {
    try {
      const answer = decodeReply(message);
      finish(jobKey(answer.user, answer.id), answer);
    } catch (error) {
      log.warn({ err: error }, "an answer of a worker could not be read");
    }
  });
  const timer = setInterval(() => {
    const now = clock();
    for (const alike of due.values()) expire(alike, now);
  }, LOOK_MS);
  timer.unref();
  return {
    ask: (key, timeoutMs, settle) => {
      if (waiting.has(key)) throw new Refusal("id_conflict", "a request of this id is under way");
      if (waiting.size >= maxWaiting) throw new Refusal("queue_full", "too many requests wait for their answers");
      waiting.set(key, { settle, timeoutMs });
      due.set(timeoutMs, (due.get(timeoutMs) ?? new Map<string, number>()).set(key, clock() + timeoutMs));
    },
    forget: (key) => void take(key),
    size: () => waiting.size,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      for (const key of waiting.keys()) finish(key, undefined);
      await subscription[Symbol.asyncDispose]();
    },
  };
};
