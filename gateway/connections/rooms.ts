import { channelOfRoom } from "#crds";
import { listeners } from "#process";
import type { Server } from "socket.io";
import type { Connections } from "./connection.ts";

const WATCH_PREFIX = "w:";

/** The room of those who are told who enters and leaves `channel`. */
export const watchRoom = (channel: string): string => WATCH_PREFIX + channel;

export interface LocalChannels {
  /** Told when a channel gets its first local subscriber and loses its last. */
  onChange(listener: (channel: string, occupied: boolean) => void): Disposable;
  /** Told when a connection joins or leaves a channel, by whomever. */
  onMember(listener: (socket: string, channel: string, joined: boolean) => void): Disposable;
  has(channel: string): boolean;
  size(): number;
}

/** Follows the rooms of the default namespace, whoever makes them: clients, workers, the HTTP API or an app. After the adapter is set. */
export const followChannels = (io: Server, connections: Connections): LocalChannels => {
  const { adapter } = io.of("/");
  const channels = new Set<string>();
  const changes = listeners<[channel: string, occupied: boolean]>();
  const members = listeners<[socket: string, channel: string, joined: boolean]>();
  const moved = (by: 1 | -1) => (room: string, id: string) => {
    const channel = channelOfRoom(room);
    const connection = connections.get(id);
    if (connection === undefined) return;
    if (channel !== undefined || room.startsWith(WATCH_PREFIX)) connection.rooms += by;
    if (channel === undefined) return;
    if (by === -1) connection.subscribed.delete(channel);
    members.call(id, channel, by === 1);
  };
  const made = (occupied: boolean) => (room: string) => {
    const channel = channelOfRoom(room);
    if (channel === undefined) return;
    if (occupied) channels.add(channel);
    else channels.delete(channel);
    changes.call(channel, occupied);
  };
  adapter.on("create-room", made(true));
  adapter.on("delete-room", made(false));
  adapter.on("join-room", moved(1));
  adapter.on("leave-room", moved(-1));
  return {
    onChange: changes.add,
    onMember: members.add,
    has: (channel) => channels.has(channel),
    size: () => channels.size,
  };
};
