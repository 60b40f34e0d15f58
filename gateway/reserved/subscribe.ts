import { channelRoom } from "#crds";
import { z } from "zod";
import { mayRead } from "../auth/grants.ts";
import { channelName, demand, parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ channel: channelName });

/** `subscribe {channel}`: acked once all that is published from now on reaches the connection. */
export const subscribe =
  ({ roomsPerConnection = Infinity }: ReservedContext): Answer =>
  async (connection, args) => {
    const { channel } = parseArgs(schema, args);
    demand(mayRead(connection.identity.grants, channel));
    const room = channelRoom(channel);
    if (!connection.socket.rooms.has(room)) {
      demand(connection.rooms < roomsPerConnection, "too_many_rooms");
      await connection.socket.join(room);
    }
    connection.subscribed.add(channel);
    return {};
  };
