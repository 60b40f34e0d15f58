import { CLUSTER_CHANNEL, channelOfRoom, channelRoom, jobsChannel } from "#crds";
import type { GatewayContext } from "../context.ts";
import { openClusterFeed, type ClusterFeed } from "./cluster-feed.ts";
import { openJobsFeed, type Emits } from "./jobs-feed.ts";

export type { ClusterFeed } from "./cluster-feed.ts";

/** What the feeds need of their gateway. */
export type FeedsContext = Pick<
  GatewayContext,
  "node" | "bus" | "io" | "store" | "config" | "log" | "registry" | "clock" | "onLocalChannel"
>;

/** The feeds of a gateway: of the channels `jobs:<pool>`, and of `cluster`. */
export type Feeds = Pick<ClusterFeed, "announce"> & AsyncDisposable;

const isFed = (channel: string): boolean => channel === CLUSTER_CHANNEL || channel.startsWith(jobsChannel(""));

/** Feeds this gateway's own subscribers, once `io` has its adapter. Rejects where the bus cannot be subscribed to. */
export const openFeeds = async (context: FeedsContext): Promise<Feeds> => {
  const { node, bus, io, store, config, log, registry, clock, onLocalChannel } = context;
  const local = (channel: string): Emits => ({
    emit: (event, ...args) => io.local.to(channelRoom(channel)).emit(event, ...args),
  });
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await openClusterFeed({ node, bus, local }));
  const pools = () => config.current().pools;
  const jobs = opened.use(openJobsFeed({ ledger: store.ledger, pools, local, log, registry, now: clock }));
  opened.use(onLocalChannel((channel, occupied) => jobs.onLocalChannel(channel, occupied)));

  const namespace = io.of("/");
  const onJoin = (room: string, id: string) => {
    const channel = channelOfRoom(room);
    if (channel === undefined || !isFed(channel)) return;
    const greet = () => {
      const socket = namespace.sockets.get(id);
      if (socket === undefined || !socket.rooms.has(room)) return;
      jobs.onSubscribed(channel, socket);
      cluster.onSubscribed(channel, socket);
    };
    // A socket that joins while it connects can be told one turn later; others at once, so that nothing comes between.
    if (namespace.sockets.has(id)) greet();
    else setImmediate(greet);
  };
  namespace.adapter.on("join-room", onJoin);
  opened.defer(() => void namespace.adapter.off("join-room", onJoin));

  const stack = opened.move();
  return { announce: (events) => cluster.announce(events), [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
