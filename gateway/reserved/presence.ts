import { z } from "zod";
import { mayRead } from "../auth/grants.ts";
import { watchRoom } from "../connections/rooms.ts";
import { channelName, demand, parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ channel: channelName, watch: z.boolean().optional() });

/** `presence {channel, watch?}`: who is there, each user once; with `watch: true` presence:join and presence:leave follow, until `false`. */
export const presence =
  ({ store, roomsPerConnection = Infinity }: ReservedContext): Answer =>
  async (connection, args) => {
    const { channel, watch } = parseArgs(schema, args);
    demand(mayRead(connection.identity.grants, channel));
    const room = watchRoom(channel);
    if (watch === true && !connection.socket.rooms.has(room)) {
      demand(connection.rooms < roomsPerConnection, "too_many_rooms");
      await connection.socket.join(room);
    }
    if (watch === false) await connection.socket.leave(room);
    return { users: await store.presence.users(channel) };
  };
