import type { Death, QueueSettings } from "#crds";
import type { HeldJob, Outlet, Taker } from "./held-job.ts";
import { createQueue, type Queue, type Settlement } from "./queue.ts";

interface BrokerStateOptions {
  outlet: Outlet;
  /** Held over all queues, the dead ones too; more are refused. */
  maxJobs: number;
  maxBytes: number;
  /** ms since the epoch */
  now: () => number;
  /** How long nothing old is handed out after the first process came back from an earlier hub, so that all can say what they have. */
  adoptMs?: number;
}

/** A job as its publisher names it. */
export interface NewJob {
  node: string;
  n: number;
  queue: string;
  id: string;
  key: string | undefined;
  body: Uint8Array;
}

/** What an earlier hub had said of a job. */
export interface Past {
  attempt: number;
  order: number;
  inMs: number;
  death: Death | undefined;
}

/** A run that its worker told of before the job's publisher did. */
interface Orphan {
  taker: Taker;
  attempt: number;
  settlement: Settlement | undefined;
  since: number;
}

/** All queues of the hub, what they hold together, and who has which job: a state machine without sockets and timers. */
export interface BrokerState {
  declare(queue: string, settings: QueueSettings): void;
  /** The job's place; undefined where it was not taken: full, or a queue that nobody declared. The same job again changes nothing. */
  submit(job: NewJob): number | undefined;
  /** A process that knew an earlier hub is back. */
  back(): void;
  offer(job: NewJob, past: Past): number | undefined;
  /** Those of a publisher's numbers that are not held. */
  missing(node: string, numbers: readonly number[]): number[];
  consume(peer: string, sub: number, queue: string, concurrency: number, inHand: readonly [string, number][]): void;
  stop(peer: string, sub: number): void;
  cancel(peer: string, sub: number): void;
  settle(peer: string, sub: number, uid: string, settlement: Settlement): void;
  peerGone(peer: string): void;
  depth(queue: string): ReturnType<Queue["depth"]>;
  letters(queue: string, limit: number): HeldJob[];
  redrive(queue: string, ids: readonly string[] | undefined): number;
  tick(): void;
  /** When to tick next at the latest; undefined: nothing is timed. */
  nextDue(): number | undefined;
  held(): { jobs: number; bytes: number };
}

const ORPHAN_MS = 60_000;
const NO_DEPTH = { ready: 0, unacked: 0, dead: 0 };

export const createBrokerState = ({
  outlet,
  maxJobs,
  maxBytes,
  now,
  adoptMs = 3000,
}: BrokerStateOptions): BrokerState => {
  const queues = new Map<string, Queue>();
  const jobs = new Map<string, HeldJob>();
  const takers = new Map<string, Map<number, { taker: Taker; queue: string }>>();
  const orphans = new Map<string, Orphan>();
  let bytes = 0;
  let holdUntil: number | undefined;
  // A hub that starts later gives later places, so that places of two hubs compare.
  let lastOrder = now() * 1000;

  const order = () => (lastOrder += 1);
  const holding = () => holdUntil !== undefined && now() < holdUntil;
  const own: Outlet = {
    ...outlet,
    finished: (job) => {
      if (jobs.delete(job.uid)) bytes -= job.body.length;
      outlet.finished(job);
    },
  };
  const full = () => jobs.size >= maxJobs || bytes >= maxBytes;
  const takerOf = (peer: string, sub: number) => takers.get(peer)?.get(sub);

  const hold = (it: NewJob, queue: Queue, fields: Partial<HeldJob>): HeldJob => {
    const job: HeldJob = {
      uid: `${it.node}:${it.n}`,
      node: it.node,
      n: it.n,
      queue: it.queue,
      id: it.id,
      key: queue.settings().ordered ? it.key : undefined,
      body: Buffer.from(it.body),
      order: 0,
      attempt: 1,
      state: "waiting",
      front: false,
      dueAt: 0,
      holder: undefined,
      death: undefined,
      place: undefined,
      ...fields,
    };
    jobs.set(job.uid, job);
    bytes += job.body.length;
    return job;
  };
  const release = (peer: string, sub: number) => {
    const found = takerOf(peer, sub);
    if (found === undefined) return undefined;
    takers.get(peer)?.delete(sub);
    for (const uid of found.taker.hands.keys()) if (orphans.get(uid)?.taker === found.taker) orphans.delete(uid);
    return found;
  };

  return {
    declare: (name, settings) => {
      const queue = queues.get(name);
      if (queue !== undefined) return queue.configure(settings);
      queues.set(name, createQueue({ settings, outlet: own, now, holding }));
    },
    submit: (it) => {
      const known = jobs.get(`${it.node}:${it.n}`);
      if (known !== undefined) return known.order;
      const queue = queues.get(it.queue);
      if (queue === undefined || full()) return undefined;
      const job = hold(it, queue, { order: order() });
      queue.add(job);
      queue.dispatch();
      return job.order;
    },
    back: () => {
      holdUntil ??= now() + adoptMs;
    },
    offer: (it, past) => {
      const uid = `${it.node}:${it.n}`;
      const known = jobs.get(uid);
      if (known !== undefined) return known.order;
      const queue = queues.get(it.queue);
      if (queue === undefined || full()) return undefined;
      lastOrder = Math.max(lastOrder, past.order);
      const orphan = orphans.get(uid);
      orphans.delete(uid);
      const { attempt, death } = past;
      const job = hold(it, queue, { order: past.order, attempt });
      if (death !== undefined) queue.add(Object.assign(job, { state: "dead", death }));
      else if (orphan !== undefined) {
        queue.add(Object.assign(job, { state: "handed", holder: orphan.taker, attempt: orphan.attempt }));
        if (orphan.settlement !== undefined) queue.settle(orphan.taker, job, orphan.settlement);
      } else if (past.inMs > 0) queue.add(Object.assign(job, { state: "delayed", dueAt: now() + past.inMs }));
      else queue.add(job);
      queue.dispatch();
      return job.order;
    },
    missing: (node, numbers) => numbers.filter((n) => !jobs.has(`${node}:${n}`)),
    consume: (peer, sub, name, concurrency, inHand) => {
      const queue = queues.get(name);
      if (queue === undefined) return;
      const taker: Taker = takerOf(peer, sub)?.taker ?? {
        peer,
        sub,
        concurrency,
        hands: new Map(),
        paused: false,
      };
      taker.concurrency = concurrency;
      const ofPeer = takers.get(peer) ?? new Map<number, { taker: Taker; queue: string }>();
      takers.set(peer, ofPeer.set(sub, { taker, queue: name }));
      for (const [uid, attempt] of inHand) {
        const job = jobs.get(uid);
        if (job !== undefined && job.queue === name && (job.state === "waiting" || job.state === "delayed"))
          queue.adopt(job, taker, attempt);
        else if (!taker.hands.has(uid)) {
          taker.hands.set(uid, undefined);
          if (job === undefined) orphans.set(uid, { taker, attempt, settlement: undefined, since: now() });
        }
      }
      queue.join(taker);
      queue.dispatch();
    },
    stop: (peer, sub) => {
      const found = takerOf(peer, sub);
      if (found !== undefined) queues.get(found.queue)?.leave(found.taker);
    },
    cancel: (peer, sub) => {
      const found = release(peer, sub);
      const queue = found && queues.get(found.queue);
      if (found === undefined || queue === undefined) return;
      queue.leave(found.taker);
      for (const job of found.taker.hands.values())
        if (job !== undefined) queue.settle(found.taker, job, { kind: "release" });
    },
    settle: (peer, sub, uid, settlement) => {
      const found = takerOf(peer, sub);
      const queue = found && queues.get(found.queue);
      if (found === undefined || queue === undefined || !found.taker.hands.has(uid)) return;
      const job = found.taker.hands.get(uid);
      if (job !== undefined) return queue.settle(found.taker, job, settlement);
      found.taker.hands.delete(uid);
      const orphan = orphans.get(uid);
      if (orphan?.taker === found.taker) orphan.settlement = settlement;
      queue.freed(found.taker);
    },
    peerGone: (peer) => {
      for (const sub of takers.get(peer)?.keys() ?? []) {
        const found = release(peer, sub);
        if (found !== undefined) queues.get(found.queue)?.lose(found.taker);
      }
      takers.delete(peer);
    },
    depth: (name) => queues.get(name)?.depth() ?? NO_DEPTH,
    letters: (name, limit) => queues.get(name)?.letters(limit) ?? [],
    redrive: (name, ids) => queues.get(name)?.redrive(ids, order) ?? 0,
    tick: () => {
      for (const queue of queues.values()) queue.tick();
      for (const [uid, { settlement, since }] of orphans)
        if (settlement !== undefined && now() - since > ORPHAN_MS) orphans.delete(uid);
    },
    nextDue: () => {
      const dues = [...queues.values()].map((queue) => queue.nextDue());
      if (holding()) dues.push(holdUntil);
      const known = dues.filter((due) => due !== undefined);
      return known.length === 0 ? undefined : Math.min(...known);
    },
    held: () => ({ jobs: jobs.size, bytes }),
  };
};
