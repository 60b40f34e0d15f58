import { z } from "zod";
import { retry } from "./resource/workers.ts";

/** A pool as gateways, the broker and workers know it. */
export const pool = z.object({
  name: z.string(),
  events: z.array(z.string()),
  mode: z.enum(["job", "request", "copy"]),
  orderBy: z.string(),
  concurrency: z.number().int(),
  timeoutSeconds: z.number(),
  retry,
});
export type Pool = z.infer<typeof pool>;

/**
 * What processes read from the file CONFIG_FILE, and read again when it changes: what may change without a restart.
 * The substrate replaces the file whole (write aside, rename).
 */
export const liveConfig = z.object({
  pools: z.array(
    pool.extend({
      leaving: z
        .boolean()
        .optional()
        .describe("No longer in the resource: takes nothing more, and its workers finish what its queue holds."),
    }),
  ),
});
export type LiveConfig = z.infer<typeof liveConfig>;

/** What `Peers` reads from PEERS_FILE on a laptop. `gateways` are those that are ready and stay; `links` are host:port of the links of all that run. */
export const peersFile = z.object({
  links: z.array(z.string()).default([]),
  gateways: z.array(
    z.object({
      instance: z.string(),
      clients: z.string(),
      api: z.string().optional(),
      control: z.string(),
      shunned: z.literal(true).optional().describe("No client is sent to it while there is another."),
    }),
  ),
});
export type PeersFile = z.infer<typeof peersFile>;
