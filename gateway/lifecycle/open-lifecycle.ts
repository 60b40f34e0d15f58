import type { Membership } from "#adapter";
import { channelOfRoom, channelRoom } from "#crds";
import type { Log } from "#process";
import type { Evicted, Held, Store } from "#store";
import type { Registry } from "prom-client";
import type { Server } from "socket.io";
import { socketOfPlace } from "../recovery/held.ts";
import type { Connection, Connections } from "../connections/connection.ts";
import { watchRoom, type LocalChannels } from "../connections/rooms.ts";
import type { Submit } from "../context.ts";
import type { Route } from "../routing/routes.ts";
import { createPresenceFeed, type PresenceFeed } from "./presence-feed.ts";
import { startReaper } from "./reaper.ts";
import { createTeller } from "./teller.ts";

export interface LifecycleOptions {
  io: Server;
  connections: Connections;
  channels: LocalChannels;
  store: Pick<Store, "presence" | "connected" | "onLost">;
  membership: Membership;
  node: string;
  submit: Submit;
  route: (event: string) => Route;
  clock: () => number;
  log: Log;
  registry: Registry;
}

/** Who is here, as the store, watchers and pools are told; also of gateways that are gone. */
export interface Lifecycle extends AsyncDisposable {
  readonly presence: PresenceFeed;
  /** Tells pools that a connection came. */
  connected(connection: Connection): void;
  /** It goes: what it leaves from now on is told at once, by `disconnected`. */
  disconnecting(connection: Connection): void;
  disconnected(connection: Connection, reason: string): void;
}

const heldBy = ({ socket, place, identity }: Connection): Held => ({
  socket: place,
  user: identity.user,
  channels: [...socket.rooms].map(channelOfRoom).filter((channel) => channel !== undefined),
});

/** Follows the connections and channels of this gateway, and takes over what others left behind. */
export const openLifecycle = ({
  io,
  connections,
  channels,
  store,
  membership,
  node,
  submit,
  route,
  clock,
  log,
  registry,
}: LifecycleOptions): Lifecycle => {
  const stack = new AsyncDisposableStack();
  const { adapter } = io.of("/");
  const ending = new Set<string>();
  const teller = stack.use(createTeller({ submit, route, log, registry }));

  const moved = (channel: string, user: string, joined: boolean) =>
    void io.to(watchRoom(channel)).emit(joined ? "presence:join" : "presence:leave", { channel, user });
  const occupied = (channel: string, is: boolean) =>
    teller.tell({ event: is ? "$occupied" : "$vacated", payload: { channel, at: clock() } });
  const gone = (place: string, user: string, reason: string) =>
    teller.tell({
      event: "$disconnected",
      payload: { user, socket: socketOfPlace(place), at: clock(), reason },
      user,
      id: `$disconnected:${place}`,
    });

  const presence = stack.use(
    createPresenceFeed({
      presence: store.presence,
      connected: () => store.connected(),
      node,
      local: () => [...connections.values()].map(heldBy),
      isLocal: (place, channel) => {
        const socket = socketOfPlace(place);
        if (connections.get(socket)?.place !== place) return false;
        return channel === undefined || adapter.socketRooms(socket)?.has(channelRoom(channel)) === true;
      },
      events: { moved, occupied },
      log,
      registry,
    }),
  );
  stack.use(store.onLost(() => void presence.mend(true)));
  stack.use(
    channels.onMember((socket, channel, joined) => {
      const connection = connections.get(socket);
      if (connection !== undefined && !ending.has(socket))
        presence.move(connection.place, connection.identity.user, channel, joined);
    }),
  );

  const evicted = ({ sockets, left }: Evicted) => {
    for (const { socket, user } of sockets) gone(socket, user, "the gateway is gone");
    for (const { channel, user, lastOfChannel } of left) {
      moved(channel, user, false);
      if (lastOfChannel) occupied(channel, false);
    }
  };
  stack.use(
    startReaper({
      presence: store.presence,
      connected: () => store.connected(),
      membership,
      node,
      onEvicted: evicted,
      mend: () => presence.mend(false),
      clock,
      log,
    }),
  );

  return {
    presence,
    connected: ({ socket: { id }, place, identity: { user } }) => {
      presence.arrived(place);
      teller.tell({ event: "$connected", payload: { user, socket: id, at: clock() }, user, id: `$connected:${place}` });
    },
    disconnecting: ({ socket }) => void ending.add(socket.id),
    disconnected: ({ socket: { id }, place, identity: { user } }, reason) => {
      ending.delete(id);
      presence.disconnect(place);
      gone(place, user, reason);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
