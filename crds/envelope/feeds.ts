import { z } from "zod";
import { clusterEvent } from "./signals.ts";

/** What anyone with the grant may see of a job: no payload, no result. Times in ms since the epoch. */
export const jobView = z.object({
  id: z.string(),
  user: z.string().optional().describe("Who sent it; absent: a server."),
  pool: z.string(),
  event: z.string(),
  state: z.enum(["queued", "running", "retrying", "done", "failed", "cancelled"]),
  attempt: z.number().int(),
  progress: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  worker: z.string().optional(),
  queuedAt: z.number().optional(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
});
export type JobView = z.infer<typeof jobView>;

/** The event `jobs` on the channel `jobs:<pool>`: the pool's queue as it is, or that it cannot be read now. */
export const jobsPicture = z.union([
  z.object({
    pool: z.string(),
    waiting: z.number(),
    queued: z.array(jobView),
    running: z.array(jobView),
    finished: z.array(jobView),
  }),
  z.object({ pool: z.string(), unavailable: z.literal(true) }),
]);
export type JobsPicture = z.infer<typeof jobsPicture>;

/** Bus topic on which gateways tell each other cluster events that were posted to them (JSON: clusterEvents). */
export const CLUSTER_EVENTS_TOPIC = "cluster-events";
/** `node` is the gateway that was told, and has told its own clients. */
export const clusterEvents = z.object({ node: z.string(), events: z.array(clusterEvent).max(100) });
