import { z } from "zod";
import { exactlyOne } from "../http.ts";

/** Namespace, on the API's port, of workers that are socket.io clients. */
export const WORKERS_NAMESPACE = "/workers";

/** `auth` of such a worker's handshake. */
export const remoteWorkerAuth = z.object({
  key: z.string().min(1),
  /** Absent: all that the key names. */
  pools: z.array(z.string().max(20)).min(1).max(64).optional(),
  /** Jobs of each pool that it takes at once; never more than the pool's `concurrency`. */
  credit: z.number().int().min(1).max(1000).default(1),
  /** What it is called where it is told who runs what. */
  name: z.string().min(1).max(64).default("remote"),
});
export type RemoteWorkerAuth = z.infer<typeof remoteWorkerAuth>;

/** The event `job`, gateway to worker: one attempt, of which the worker says how it ended by `run`. */
export interface RemoteJob {
  /** Names this attempt on this connection. */
  run: string;
  pool: string;
  id: string;
  /** The job's one name across users and attempts: what to deduplicate on. */
  key: string;
  event: string;
  payload: unknown;
  user: string | undefined;
  attempt: number;
  timeoutMs: number;
}

/** The event `job:cancelled`, gateway to worker: the attempt is over, and its answer would be ignored. */
export interface RemoteCancel {
  run: string;
  reason: "timeout" | "cancelled" | "stopping";
}

const run = z.string().max(64);

/** What a worker says of an attempt, by event; the ack, where one is asked for, is `{ok: true}` or a refusal. */
export const remoteWords = {
  "job:done": z.object({ run, result: z.unknown().optional() }),
  /** With `reject` it is dead at once, and its sender is told `error`. */
  "job:failed": z.object({ run, error: z.string().optional(), reject: z.boolean().optional() }),
  "job:progress": z.object({ run, progress: z.number() }),
  /** As a handler's emit: before the result, behind the sender's ack. */
  "job:emit": exactlyOne(
    z.object({
      run,
      channel: z.string().min(1).max(200).optional(),
      user: z.string().min(1).max(256).optional(),
      broadcast: z.literal(true).optional(),
      event: z.string().min(1).max(200),
      data: z.unknown().optional(),
    }),
    ["channel", "user", "broadcast"],
  ),
} as const;
