import type { DeadLetter, Job, Pool } from "#crds";

/** What a driver promises; the conformance suite generates only the cases of what is promised. */
export interface BrokerPromises {
  /** A confirmed job outlives every process and a restart of the server. False: it is held twice in memory. */
  durable: boolean;
  /**
   * Pools with `orderBy` are served: jobs of one `key` run one after the other, through retries and deaths. A worker that is cut off from
   * the server and lives may still run one while another worker has begun it again.
   */
  ordered: boolean;
  /** One process may consume a pool with `orderBy` several times, and lose what one of these has in hand, without breaking the order. */
  orderedHands: boolean;
}

/**
 * The gateway's hand at the work plane.
 *
 * `publish` resolves when the server has the job for good (as `durable` says) and a worker of the pool will get it at least once;
 * it rejects with a `Refusal` and then the job was not taken as far as is known: `broker_unavailable` (not confirmed in time or not
 * connected; a job may still have arrived, so a repeat keeps its id), `queue_full`. Never queues without bound while the server is away.
 * Mode `request` is not persisted and not retried, and is dropped unrun after the pool's timeout.
 */
export interface Publisher {
  publish(pool: Pool, job: Job): Promise<{ durable: boolean }>;
}

/** How a run of a job ended; the broker only settles, results travel over the Bus before. */
export type Outcome =
  | { kind: "done" }
  /** Run it again after `inMs`, with attempt + 1. */
  | { kind: "retry"; inMs: number; error: string }
  | { kind: "dead"; reason: DeadLetter["reason"]; error: string }
  /**
   * Not run, or given up because the worker stops: the next to be run, same attempt. RabbitMQ before 4.3 counts it as one; there a
   * release at the last attempt goes to the back of the queue instead, with the attempt it had.
   */
  | { kind: "release" }
  /** Its worker is gone: as where a worker process dies, the next to be run, attempt + 1; dead as `lost` after the last. */
  | { kind: "lost" };

export interface Delivery {
  job: Job;
  /** 1 for the first; counts failed runs and deaths of workers. */
  attempt: number;
}

/**
 * The worker's hand. At most `pool.concurrency` runs are under way; an idle worker gets the next job at once; a worker that dies
 * gives its jobs back, and they run before all that wait. `run` must not reject. After a reconnect consuming goes on by itself; the
 * outcome of a run whose job was given to another meanwhile is dropped.
 */
export interface Consumer {
  consume(pool: Pool, run: (delivery: Delivery) => Promise<Outcome>): Promise<Consumption>;
}

export interface Consumption extends AsyncDisposable {
  /** Jobs taken from the server that are not under way: they wait for a hand, behind one of their key, or for a retry. */
  waiting(): number;
  /** Of these, those that would wait beside a free hand, too. */
  blocked(): number;
  /** Takes no more; resolves when nothing more will be handed to `run`. What is under way may still settle. Disposing hands back the rest. */
  stop(): Promise<void>;
}

export interface Depth {
  /** Waiting, also for a retry; on RabbitMQ without what consumers tell as `waiting`. */
  ready: number;
  /** Of these, for a retry or behind one of their key, as far as the server tells. Absent: none. */
  blocked?: number | undefined;
  /** In workers' hands. Absent where the server does not tell (AMQP does not): then it is what the workers report. */
  unacked?: number;
  dead: number;
}

/** What an operator of the cluster sees and mends. */
export interface Inspector {
  /** Rejects with `broker_unavailable` where the server does not answer. */
  depth(pool: Pool): Promise<Depth>;
  /** The oldest dead letters, without taking them out. */
  deadLetters(pool: Pool, limit: number): Promise<DeadLetter[]>;
  /** Puts dead letters back as first attempts, all or those of these ids; resolves with how many. None is lost on the way. */
  redrive(pool: Pool, ids?: readonly string[]): Promise<number>;
}

/**
 * The work plane. `declare` makes (again) what the pools need at the server and is safe to repeat, also by many processes at once;
 * it rejects with an Error that names the pool and the way out where the server cannot serve it (orderBy on a server that does not order).
 * It returns once the server has them, and they are declared anew after each reconnect.
 */
export interface Broker extends Publisher, Consumer, Inspector, AsyncDisposable {
  readonly promises: BrokerPromises;
  declare(pools: readonly Pool[]): Promise<void>;
  /** Whether the server answers now. */
  connected(): boolean;
}
