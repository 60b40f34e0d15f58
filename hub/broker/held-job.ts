import type { Death } from "#crds";

/** One that takes jobs of a queue: a worker's consumption. */
export interface Taker {
  /** The worker's line. */
  readonly peer: string;
  readonly sub: number;
  /** Jobs at once; 0: takes no more. */
  concurrency: number;
  /** What it has in hand by uid; undefined where the hub does not have that job, or has given it to another. */
  readonly hands: Map<string, HeldJob | undefined>;
  /** Its line's buffer was full: it gets nothing until it settles something, or for a second. */
  paused: boolean;
}

/** An entry of the heap of what can be run; void once its job has another or none. */
export interface Place {
  readonly job: HeldJob;
  readonly front: boolean;
  readonly order: number;
}

/** A job in the hub's memory. */
export interface HeldJob {
  readonly uid: string;
  /** The publisher, and its number there. */
  readonly node: string;
  readonly n: number;
  readonly queue: string;
  readonly id: string;
  /** Where the queue is ordered and the job has one. */
  readonly key: string | undefined;
  readonly body: Uint8Array;
  /** Its place among all; kept through retries and deaths. */
  order: number;
  /** Of the run that is under way or next. */
  attempt: number;
  state: "waiting" | "delayed" | "handed" | "dead";
  /** Its worker died or gave it back: before all that wait. */
  front: boolean;
  /** ms of the hub's clock: until when a retry waits, or from when a request is no longer wanted. */
  dueAt: number;
  holder: Taker | undefined;
  death: Death | undefined;
  /** Where it stands among what can be run. */
  place: Place | undefined;
}

/** What the queue tells its surroundings. */
export interface Outlet {
  /** False: it could not be sent. */
  hand(taker: Taker, job: HeldJob): boolean;
  /** Done or dropped, and forgotten. */
  finished(job: HeldJob): void;
  /** Will run as attempt `job.attempt`, in so many ms. */
  again(job: HeldJob, inMs: number): void;
  died(job: HeldJob): void;
}
