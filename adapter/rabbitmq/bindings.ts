import type { Channel } from "amqplib";
import { createFolding, type FoldingLimits } from "./folding.ts";
import { PARTITIONS, partitionKey } from "./routing.ts";

/** Bindings in one round; all partitions' fit. Between two rounds what is wanted may change. */
const BATCH = PARTITIONS;
/** Unbindings in a round in which there is something to bind, so that they come to an end too. */
const UNBIND_MEANWHILE = 8;

/** The queue of this process, on one connection. */
export interface BindingTarget {
  channel: Pick<Channel, "bindQueue" | "unbindQueue">;
  queue: string;
  exchange: string;
}

/** What a queue is bound with, kept as wanted by work in the background. `partition` is that of a room's key: it may be heard by that. */
export interface Bindings {
  want(key: string, partition: number | undefined): void;
  unwant(key: string, partition: number | undefined): void;
  /** Resolves when what is published under a key that is wanted arrives; rejects at `close`. */
  active(key: string, partition: number | undefined): Promise<void>;
  /** A new queue: resolves when all that is wanted arrives there, the rooms by their partitions at first. Rejects with the channel. */
  attach(target: BindingTarget): Promise<void>;
  detach(): void;
  close(): void;
  counts(): { bound: number; folded: number };
}

/** `onError`: of the channel, after `attach`. */
export const createBindings = (limits: FoldingLimits, onError: (error: unknown) => void): Bindings => {
  const folding = createFolding(limits);
  /** Wanted keys that are no room's. */
  const others = new Set<string>();
  /** Bound, or about to be by what was sent last. */
  const sent = new Set<string>();
  const confirmed = new Set<string>();
  const urgent = new Set<string>();
  const binds = new Set<string>();
  const unbinds = new Set<string>();
  /** Unbound only when nothing is left to be bound: until then they are what rooms are heard by. */
  const lastUnbinds = new Set<string>();
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  let target: BindingTarget | undefined;
  let working = false;
  let closed = false;

  const bind = (key: string, into: Set<string>, taken: Set<string>) => {
    taken.delete(key);
    if (!sent.has(key)) into.add(key);
  };
  const unbind = (key: string, from: Set<string>, into: Set<string>) => {
    from.delete(key);
    if (sent.has(key)) into.add(key);
  };
  const refold = () => {
    for (let it = folding.fold(binds.size); it !== undefined; it = folding.fold(binds.size)) {
      bind(partitionKey(it), urgent, lastUnbinds);
      for (const key of folding.keys(it)) unbind(key, binds, unbinds);
    }
    if (urgent.size + binds.size + unbinds.size + lastUnbinds.size > 0) return;
    const it = folding.unfold();
    if (it === undefined) return;
    for (const key of folding.keys(it)) bind(key, binds, unbinds);
    unbind(partitionKey(it), urgent, lastUnbinds);
  };
  const settle = (key: string) => {
    waiting.get(key)?.resolve();
    waiting.delete(key);
  };
  const confirm = (key: string) => {
    confirmed.add(key);
    settle(key);
    const partition = /^p:(\d+)$/.exec(key)?.[1];
    if (partition !== undefined) for (const room of folding.keys(Number(partition))) settle(room);
  };
  const take = (from: Set<string>, most: number): string[] => {
    const keys = [...from.values().take(most)];
    for (const key of keys) from.delete(key);
    return keys;
  };

  /** Sends one batch and awaits it. False where there is nothing to do. */
  const round = async (at: BindingTarget): Promise<boolean> => {
    const { channel, queue, exchange } = at;
    refold();
    const bound = take(urgent, BATCH);
    bound.push(...take(binds, BATCH - bound.length));
    for (const key of bound) sent.add(key);
    await Promise.all(bound.map((key) => channel.bindQueue(queue, exchange, key)));
    if (at !== target) return false;
    for (const key of bound) confirm(key);
    const isBusy = urgent.size + binds.size > 0;
    const unbound = take(unbinds, isBusy ? UNBIND_MEANWHILE : BATCH);
    if (!isBusy && unbound.length === 0) unbound.push(...take(lastUnbinds, BATCH));
    for (const key of unbound) {
      sent.delete(key);
      confirmed.delete(key);
    }
    await Promise.all(unbound.map((key) => channel.unbindQueue(queue, exchange, key)));
    return at === target && bound.length + unbound.length > 0;
  };
  const work = async (at: BindingTarget) => {
    working = true;
    try {
      while (await round(at));
    } catch (error) {
      if (at === target) {
        target = undefined;
        onError(error);
      }
    } finally {
      if (at === target) {
        working = false;
        // Wanted since the last round looked.
        if (urgent.size + binds.size + unbinds.size > 0) start();
      }
    }
  };
  const start = () => {
    if (target !== undefined && !working) void work(target);
  };

  return {
    want: (key, partition) => {
      if (partition === undefined) {
        others.add(key);
        bind(key, urgent, unbinds);
      } else {
        folding.add(partition, key);
        if (!folding.isFolded(partition)) bind(key, binds, unbinds);
      }
      start();
    },
    unwant: (key, partition) => {
      if (partition === undefined) others.delete(key);
      else folding.remove(partition, key);
      waiting.get(key)?.resolve();
      waiting.delete(key);
      unbind(key, partition === undefined ? urgent : binds, unbinds);
      start();
    },
    active: (key, partition) => {
      if (closed) return Promise.reject(new Error("the delivery plane is closed"));
      if (confirmed.has(key) || (partition !== undefined && confirmed.has(partitionKey(partition))))
        return Promise.resolve();
      const known = waiting.get(key) ?? Promise.withResolvers<void>();
      waiting.set(key, known);
      return known.promise;
    },
    attach: async (to) => {
      for (const all of [sent, confirmed, urgent, binds, unbinds, lastUnbinds]) all.clear();
      target = to;
      working = true;
      folding.foldAll();
      for (const key of others) urgent.add(key);
      for (let it = 0; it < PARTITIONS; it += 1) if (folding.isFolded(it)) urgent.add(partitionKey(it));
      while (urgent.size > 0 && (await round(to)));
      if (to !== target) throw new Error("the connection was lost");
      void work(to);
    },
    detach: () => (target = undefined),
    close: () => {
      closed = true;
      target = undefined;
      for (const { promise, reject } of waiting.values()) {
        promise.catch(() => {});
        reject(new Error("the delivery plane is closed"));
      }
    },
    counts: () => ({ bound: sent.size, folded: folding.folded() }),
  };
};
