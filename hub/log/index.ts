import type { HubService, HubSocket } from "#link";
import { Ring, type Log } from "#process";
import { z } from "zod";

interface Entry {
  index: number;
  size: number;
  bytes: Uint8Array;
}

interface Follower {
  /** Of the last entry that was sent. */
  sent: number;
  /** Entries sent that it has not said to have taken in, and their bytes: `[index, size]`. */
  underWay: [number, number][];
  bytes: number;
}

interface Cluster {
  ring: Ring<Entry>;
  limits: { maxMessages: number; maxBytes: number };
  followers: Map<string, Follower>;
}

const WINDOW_MESSAGES = 4000;
const WINDOW_BYTES = 16 << 20;
const MAX_CLUSTERS = 256;

const text = z.string().max(256);
const count = z.number().int().min(0);
/** What a line says; `append` has the entry as its body. */
const message = z.union([
  z.tuple([z.literal("open"), text, count.min(1), count.min(1)]),
  z.tuple([z.literal("append"), count]),
  z.tuple([z.literal("follow"), z.enum(["oldest", "newest"])]),
  z.tuple([z.literal("follow"), text, count]),
  z.tuple([z.literal("taken"), count]),
]);

/**
 * The hub's sequencer: gives what lines append one order and sends it to those that follow. What a follower has not taken in yet waits
 * here, within the Log's limits; one that falls out of them is told so. The epoch is the hub's: it comes back empty.
 */
export const logService =
  ({ log }: { log: Log }) =>
  (socket: HubSocket): HubService => {
    const epoch = socket.epoch.replaceAll("-", "").slice(0, 12);
    const clusters = new Map<string, Cluster>();
    const clusterOf = new Map<string, Cluster>();

    const open = (peer: string, name: string, maxMessages: number, maxBytes: number) => {
      const found = clusters.get(name);
      if (found === undefined && clusters.size >= MAX_CLUSTERS)
        return log.warn({ cluster: name }, `the hub's log serves at most ${MAX_CLUSTERS} clusters`);
      const limits = { maxMessages, maxBytes };
      const cluster = found ?? { ring: new Ring<Entry>(), limits, followers: new Map() };
      cluster.limits = limits;
      clusters.set(name, cluster);
      clusterOf.set(peer, cluster);
    };
    const pump = ({ ring }: Cluster, peer: string, follower: Follower) => {
      if (follower.sent < ring.floor) {
        follower.sent = ring.floor;
        socket.send(peer, ["from", epoch, ring.floor, true]);
      }
      while (follower.underWay.length < WINDOW_MESSAGES && follower.bytes < WINDOW_BYTES) {
        const entry = ring.next(follower.sent);
        if (entry === undefined || !socket.send(peer, ["e", entry.index], entry.bytes)) return;
        follower.sent = entry.index;
        follower.underWay.push([entry.index, entry.size]);
        follower.bytes += entry.size;
      }
    };
    const append = (cluster: Cluster, peer: string, id: number, body: Uint8Array) => {
      const { ring, limits, followers } = cluster;
      const index = ring.last + 1;
      // A copy: the body is a view into the whole batch.
      ring.push({ index, size: body.length, bytes: new Uint8Array(body) }, limits);
      socket.send(peer, ["appended", id, index]);
      for (const [follows, follower] of followers) pump(cluster, follows, follower);
    };
    const follow = (cluster: Cluster, peer: string, from: number | undefined) => {
      const { ring, followers } = cluster;
      const isCut = from === undefined || from < ring.floor || from > ring.last;
      const sent = isCut ? ring.floor : from;
      const follower: Follower = { sent, underWay: [], bytes: 0 };
      followers.set(peer, follower);
      socket.send(peer, ["from", epoch, sent, isCut]);
      socket.send(peer, ["head", ring.last]);
      pump(cluster, peer, follower);
    };
    const taken = (cluster: Cluster, peer: string, index: number) => {
      const follower = cluster.followers.get(peer);
      if (follower === undefined) return;
      const still = follower.underWay.findIndex(([sent]) => sent > index);
      for (const [, size] of follower.underWay.splice(0, still === -1 ? follower.underWay.length : still))
        follower.bytes -= size;
      pump(cluster, peer, follower);
    };
    return {
      onMessage: (peer, header, body) => {
        const parsed = message.safeParse(header);
        if (!parsed.success) return log.warn({ peer }, "a message that the log does not know");
        const it = parsed.data;
        if (it[0] === "open") return open(peer, it[1], it[2], it[3]);
        const cluster = clusterOf.get(peer);
        if (cluster === undefined) return log.warn({ peer }, "a line that has not opened the log");
        const { ring } = cluster;
        switch (it[0]) {
          case "append":
            return append(cluster, peer, it[1], body);
          case "follow":
            if (it.length === 2) return follow(cluster, peer, it[1] === "oldest" ? ring.floor : ring.last);
            return follow(cluster, peer, it[1] === epoch ? it[2] : undefined);
          case "taken":
            return taken(cluster, peer, it[1]);
        }
      },
      onGone: (peer) => {
        clusterOf.get(peer)?.followers.delete(peer);
        clusterOf.delete(peer);
      },
    };
  };
