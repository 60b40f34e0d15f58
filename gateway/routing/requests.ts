import type { Bus, Subscription } from "#adapter";
import { decodeReply, jobKey, replyTopic, type Reply } from "#crds";
import type { Log } from "#process";

/** Requests that wait for their worker's answer. */
export interface Requests extends AsyncDisposable {
  /** Calls `settle` once, with the answer or with undefined after `timeoutMs`. False where such a request waits already. */
  ask(key: string, timeoutMs: number, settle: (answer: Reply | undefined) => void): boolean;
  /** Forgets it: it was not taken. */
  forget(key: string): void;
  size(): number;
}

const LOOK_MS = 100;

/** Hears the answers on this node's topic; one timer looks for those that did not come. */
export const createRequests = async ({
  bus,
  node,
  log,
  clock,
}: {
  bus: Bus;
  node: string;
  log: Log;
  clock: () => number;
}): Promise<Requests> => {
  const waiting = new Map<string, { settle: (answer: Reply | undefined) => void; until: number }>();
  const finish = (key: string, answer: Reply | undefined) => {
    const it = waiting.get(key);
    waiting.delete(key);
    it?.settle(answer);
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
    for (const [key, { until }] of waiting) if (until <= now) finish(key, undefined);
  }, LOOK_MS);
  timer.unref();
  return {
    ask: (key, timeoutMs, settle) => {
      if (waiting.has(key)) return false;
      waiting.set(key, { settle, until: clock() + timeoutMs });
      return true;
    },
    forget: (key) => void waiting.delete(key),
    size: () => waiting.size,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      for (const key of waiting.keys()) finish(key, undefined);
      await subscription[Symbol.asyncDispose]();
    },
  };
};
