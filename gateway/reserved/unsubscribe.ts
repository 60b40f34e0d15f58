import { channelRoom } from "#crds";
import { z } from "zod";
import { channelName, parseArgs, type Answer } from "./reserved.ts";

const schema = z.object({ channel: channelName });

/** `unsubscribe {channel}`: acked also where there was no subscription. */
export const unsubscribe = (): Answer => async (connection, args) => {
  await connection.socket.leave(channelRoom(parseArgs(schema, args).channel));
  return {};
};
