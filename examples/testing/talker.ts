import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { eventually } from "#testing";
import type { Client } from "./client.ts";
import { PATIENCE } from "./run-example.ts";

const answer = z.union([
  z.object({ ok: z.literal(true), id: z.string() }),
  z.object({ ok: z.literal(false), error: z.object({ code: z.string() }) }),
]);
const status = z.object({ job: z.object({ state: z.string() }) });

const PASSING = ["broker_unavailable", "queue_full", "store_unavailable", "rate_limited", "internal"];
const AGAIN_MS = 500;

/** Says numbered messages in a room all the time, each with an id, and again with the same id until it is acked. */
export interface Talker extends AsyncDisposable {
  /** Ids of the messages that were acked. */
  acked: ReadonlySet<string>;
  /** Resolves once all that was acked until now was done, which somebody heard or the ledger says. */
  settled(): Promise<void>;
}

/** Lets `client` talk; `room` is everyone whose hearing counts. */
export const talk = (client: Client, room: readonly Client[], everyMs = 100): Talker => {
  const { socket } = client;
  const acked = new Set<string>();
  const known = new Set<string>();
  const failures: unknown[] = [];
  const underWay = new Set<Promise<void>>();
  const stop = new AbortController();
  let count = 0;

  const connection = () =>
    new Promise<void>((resolve, reject) => {
      const connected = () => {
        stop.signal.removeEventListener("abort", stopped);
        resolve();
      };
      const stopped = () => {
        socket.off("connect", connected);
        reject(new Error("stopped"));
      };
      if (stop.signal.aborted) return stopped();
      socket.once("connect", connected);
      stop.signal.addEventListener("abort", stopped, { once: true });
    });

  const say = async (id: string, text: string) => {
    while (!acked.has(id)) {
      if (!socket.connected) await connection();
      const ack: unknown = await socket
        .timeout(3000)
        .emitWithAck("chat:message", { channel: "lobby", text }, { id })
        .catch(() => undefined);
      if (ack === undefined) continue;
      const answered = answer.parse(ack);
      if (answered.ok) acked.add(answered.id);
      else if (PASSING.includes(answered.error.code)) await pause(AGAIN_MS, undefined, { signal: stop.signal });
      else throw new Error(`${id} was refused: ${answered.error.code}`);
    }
  };
  const timer = setInterval(() => {
    const one = say(randomUUID(), `message ${++count}`).catch((error: unknown) => {
      if (!stop.signal.aborted) failures.push(error);
    });
    underWay.add(one);
    void one.then(() => void underWay.delete(one));
  }, everyMs);

  const isDone = async (id: string): Promise<boolean> => {
    if (known.has(id) || client.of("job:done", { id }).length > 0) return true;
    if (room.some((it) => it.of("chat:message", { id }).length > 0)) return true;
    const { job } = status.parse(await socket.timeout(3000).emitWithAck("job:status", { id }));
    return job.state === "done";
  };

  return {
    acked,
    settled: async () => {
      const owed = [...acked];
      await eventually(async () => {
        if (failures.length > 0) throw failures[0];
        for (const id of owed) {
          if (!(await isDone(id))) throw new Error(`${id} was acked and is not done`);
          known.add(id);
        }
      }, PATIENCE);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort();
      socket.disconnect();
      await Promise.all(underWay);
    },
  };
};
