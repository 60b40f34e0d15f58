import { randomBytes } from "node:crypto";
import type { HubService, HubSocket } from "#link";
import type { Log } from "#process";
import { z } from "zod";
import { Cluster } from "./cluster.ts";

const MAX_CLUSTERS = 256;

const text = z.string().max(256);
const count = z.number().int().min(0);
const former = z.object({
  epoch: text,
  known: count,
  tail: z.object({ floor: count, last: count }).optional(),
  members: z.array(text),
});
/** What a line says; `append` and `kept` have the entry as their body. */
const message = z.union([
  z.tuple([
    z.literal("open"),
    z.object({
      cluster: text,
      /** Of the process's Log: the same after each reconnect. */
      id: text,
      limits: z.object({ maxMessages: count.min(1), maxBytes: count.min(1) }),
      former: former.optional(),
    }),
  ]),
  z.tuple([z.literal("append"), count]),
  z.tuple([z.literal("follow"), z.enum(["oldest", "newest"])]),
  z.tuple([z.literal("follow"), text, count]),
  z.tuple([z.literal("taken"), count]),
  z.tuple([z.literal("kept"), count]),
  z.tuple([z.literal("given")]),
]);

export interface LogServiceOptions {
  log: Log;
  clock?: () => number;
  newEpoch?: () => string;
}

/**
 * The hub's sequencer: gives what lines append one order and sends it to those that follow. What a follower has not taken in yet waits
 * here, within the Log's limits; one that falls out of them is told so. A hub that comes back empty takes the former order over from its
 * lines, where nothing of it is lost (hand-over.ts), and else begins a new epoch.
 */
export const logService =
  ({ log, clock = () => performance.now(), newEpoch = () => randomBytes(6).toString("hex") }: LogServiceOptions) =>
  (socket: HubSocket): HubService => {
    const began = clock();
    const clusters = new Map<string, Cluster>();
    const clusterOf = new Map<string, Cluster>();
    const ageMs = () => clock() - began;

    const opened = (name: string, limits: Cluster["limits"]): Cluster | undefined => {
      const found = clusters.get(name);
      if (found === undefined && clusters.size >= MAX_CLUSTERS) return undefined;
      const cluster =
        found ??
        new Cluster({
          send: (...said) => socket.send(...said),
          limits,
          ageMs,
          newEpoch,
          log: log.child({ cluster: name }),
        });
      cluster.limits = limits;
      clusters.set(name, cluster);
      return cluster;
    };
    return {
      onMessage: (peer, header, body) => {
        const parsed = message.safeParse(header);
        if (!parsed.success) return log.warn({ peer }, "a message that the log does not know");
        const it = parsed.data;
        if (it[0] === "open") {
          const { cluster: name, limits, id, former: before } = it[1];
          const own = opened(name, limits);
          if (own === undefined)
            return log.warn({ cluster: name }, `the hub's log serves at most ${MAX_CLUSTERS} clusters`);
          clusterOf.set(peer, own);
          return own.add(peer, { id, former: before });
        }
        const cluster = clusterOf.get(peer);
        if (cluster === undefined) return log.warn({ peer }, "a line that has not opened the log");
        switch (it[0]) {
          case "append":
            return cluster.append(peer, it[1], body);
          case "follow":
            return cluster.follow(peer, it.length === 2 ? it[1] : { epoch: it[1], index: it[2] });
          case "taken":
            return cluster.taken(peer, it[1]);
          case "kept":
            return cluster.kept(peer, it[1], body);
          case "given":
            return cluster.given(peer);
        }
      },
      onGone: (peer) => {
        clusterOf.get(peer)?.delete(peer);
        clusterOf.delete(peer);
      },
    };
  };
