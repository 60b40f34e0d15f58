import { z } from "zod";
import { mayRead } from "../auth/grants.ts";
import { channelName, demand, parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ channel: channelName, limit: z.number().int().min(1).max(1000).default(50) });

/** `history {channel, limit}`: the newest messages that were published to the channel, oldest first. */
export const history =
  ({ store }: ReservedContext): Answer =>
  async (connection, args) => {
    const { channel, limit } = parseArgs(schema, args);
    demand(mayRead(connection.identity.grants, channel));
    return { messages: await store.history.last(channel, limit) };
  };
