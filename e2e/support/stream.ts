import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Client } from "./client.ts";
import { waitFor } from "./wait-for.ts";

const answer = z.union([
  z.object({ ok: z.literal(true), id: z.string() }),
  z.object({ ok: z.literal(false), error: z.object({ code: z.string() }) }),
]);
const status = z.object({ job: z.object({ state: z.string() }) });

const PASSING = ["broker_unavailable", "queue_full", "store_unavailable", "rate_limited", "internal"];

/** Sends numbered jobs all the time, each with an id of its own, and again with that id until it is acked. */
export interface Stream extends AsyncDisposable {
  /** Ids that were acked: these are owed. */
  acked: ReadonlySet<string>;
  /** Resolves once `count` more jobs than now were acked. */
  more(count: number, timeoutMs?: number): Promise<void>;
  /**
   * Ends the sending and resolves, once every acked job was done, with how many were. A job is done where its sender was told so, or
   * a listener heard what its handler emits, or the ledger says so. Rejects with the numbers of those that are owed.
   */
  settled(timeoutMs?: number): Promise<number>;
}

/** Streams through `client`; what `listeners` hear counts as well. */
export const stream = (client: Client, listeners: readonly Client[] = [], everyMs = 100): Stream => {
  const { socket } = client;
  const acked = new Set<string>();
  const done = new Set<string>();
  const failures: Error[] = [];
  const underWay = new Set<Promise<void>>();
  const stop = new AbortController();
  let number = 0;

  const send = async (id: string, text: string): Promise<void> => {
    while (!acked.has(id)) {
      const ack: unknown = await socket
        .timeout(5000)
        .emitWithAck("chat:message", { channel: "lobby", text }, { id })
        .catch(() => undefined);
      if (ack !== undefined) {
        const it = answer.parse(ack);
        if (it.ok) acked.add(id);
        else if (!PASSING.includes(it.error.code)) throw new Error(`${id} was refused: ${it.error.code}`);
      }
      if (!acked.has(id)) await pause(300, undefined, { signal: stop.signal });
    }
  };
  const timer = setInterval(() => {
    number++;
    const one = send(`${number}-${randomUUID()}`, `no. ${number}`).catch((error: unknown) => {
      if (!stop.signal.aborted) failures.push(error instanceof Error ? error : new Error(String(error)));
    });
    underWay.add(one);
    void one.then(() => underWay.delete(one));
  }, everyMs);

  const isDone = async (id: string): Promise<boolean> => {
    if (done.has(id) || client.of("job:done", { id }).length > 0) return true;
    if ([client, ...listeners].some((it) => it.of("chat:message", { id }).length > 0)) return true;
    const found = status.safeParse(await client.ask("job:status", { id }).catch(() => undefined));
    return found.success && found.data.job.state === "done";
  };

  return {
    acked,
    more: async (count, timeoutMs = 60_000) => {
      const goal = acked.size + count;
      await waitFor(
        () => {
          const [failure] = failures;
          if (failure !== undefined) throw failure;
          if (acked.size < goal) throw new Error(`${goal - acked.size} of ${count} further jobs are not acked`);
        },
        { timeoutMs },
      );
    },
    settled: async (timeoutMs = 120_000) => {
      clearInterval(timer);
      stop.abort();
      await Promise.all(underWay);
      const [failure] = failures;
      if (failure !== undefined) throw failure;
      await waitFor(
        async () => {
          const owed: string[] = [];
          for (const id of acked) {
            if (await isDone(id)) done.add(id);
            else owed.push(id.split("-", 1)[0] ?? id);
          }
          if (owed.length > 0)
            throw new Error(`acked and not done: ${owed.length} of ${acked.size}, no. ${owed.join(", ")}`);
        },
        { timeoutMs, everyMs: 1000 },
      );
      return done.size;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort();
      await Promise.all(underWay);
    },
  };
};
