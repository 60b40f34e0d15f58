import type { EmitTarget } from "#adapter";
import type { Log } from "#process";

/** What a handler knows of its job and what it can do beside returning a result. */
export interface Context {
  /** The job's id: the client's own, or one that the gateway made. Unique per user only. */
  readonly id: string;
  /** The job's one name across users, the same in every attempt: deduplicate on it. */
  readonly key: string;
  /** Who sent it; undefined for a server's. */
  readonly user: string | undefined;
  readonly event: string;
  /** 1 for the first. Counts failed runs and deaths of workers. */
  readonly attempt: number;
  /**
   * Aborted when the attempt's time is up, when the job is cancelled and when the worker stops before it is done. An attempt that goes
   * on nevertheless is not waited for: what it returns is ignored.
   */
  readonly signal: AbortSignal;
  /** A logger with the job's id, event and attempt. */
  readonly log: Log;
  /** Tells the sender `job:progress {id, progress}`, at most 10 times a second, the last one always. */
  progress(progress: number): void;
  /** To everyone subscribed to `channel`. */
  to(channel: string): EmitTarget;
  /** To all connections of a user. */
  toUser(user: string): EmitTarget;
  /** To everyone connected. */
  broadcast(): EmitTarget;
}

/**
 * Runs one job. What it returns (JSON or binary) is the result; what it throws is retried, but for a `Reject`. It is called at least
 * once per job: `ctx.key` is what to deduplicate on.
 */
export type Handler = (payload: unknown, ctx: Context) => unknown;

/** Finds the handler of an event; undefined where there is none. */
export type HandlerOf = (event: string) => Handler | undefined;
