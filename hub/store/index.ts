import { decode, Encoder } from "@msgpack/msgpack";
import type { Registry } from "prom-client";
import { STORE_CALLS, storeRequest, type StoreCall } from "#crds";
import type { HubService, HubSocket } from "#link";
import { counter, type Log } from "#process";
import { memoryStore, type MemoryStore } from "./memory.ts";

export interface StoreServiceOptions {
  log: Log;
  registry: Registry;
  clock?: () => number;
}

const SWEEP_MS = 60_000;
const MAX_CLUSTERS = 256;

const isCall = (name: string): name is StoreCall => Object.hasOwn(STORE_CALLS, name);

const answer = (store: MemoryStore, call: StoreCall, ask: unknown): unknown => {
  // Each call's function takes what its own schema gives; the table's type cannot say that of a call known only at run time.
  const run = store[call] as (ask: unknown) => unknown;
  return run(STORE_CALLS[call].ask.parse(ask));
};

/** The store in the hub's memory, a separate one per cluster; it comes back empty after a restart. What is malformed is answered and counted. */
export const storeService = ({ log, registry, clock = Date.now }: StoreServiceOptions) => {
  const refused = counter(registry, {
    name: "realtime_hub_store_refused_total",
    help: "Calls of the hub's store that were malformed",
  });
  return (socket: HubSocket): HubService => {
    const encoder = new Encoder({ ignoreUndefined: true });
    const stores = new Map<string, MemoryStore>();
    const nodeOf = new Map<string, string>();
    let swept = clock();
    const storeOf = (cluster: string): MemoryStore => {
      const found = stores.get(cluster);
      if (found !== undefined) return found;
      if (stores.size >= MAX_CLUSTERS) throw new Error(`the hub's store serves at most ${MAX_CLUSTERS} clusters`);
      const made = memoryStore({ clock });
      stores.set(cluster, made);
      return made;
    };
    const sweep = () => {
      if (clock() - swept < SWEEP_MS) return;
      swept = clock();
      for (const store of stores.values()) store.sweep();
    };
    const tellEvicted = (node: unknown, by: string) => {
      for (const [peer, name] of nodeOf) if (name === node && peer !== by) socket.send(peer, { lost: true });
    };
    return {
      onHello: (peer, node) => void nodeOf.set(peer, node),
      onGone: (peer) => void nodeOf.delete(peer),
      onMessage: (peer, header, body) => {
        const request = storeRequest.safeParse(header);
        if (!request.success) return refused.inc();
        const { id, call, cluster } = request.data;
        try {
          if (!isCall(call)) throw new Error(`the hub's store knows no call ${call}`);
          const ask = decode(body);
          const result = answer(storeOf(cluster), call, ask);
          socket.send(peer, { id, ok: true }, encoder.encode(result));
          if (call === "evict") tellEvicted(ask, peer);
        } catch (error) {
          refused.inc();
          log.warn({ err: error, call }, "a call of the hub's store failed");
          socket.send(peer, { id, ok: false, message: error instanceof Error ? error.message : String(error) });
        }
        sweep();
      },
    };
  };
};
