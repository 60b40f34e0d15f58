import { channelRoom, isOwnEvent } from "#crds";
import { z } from "zod";
import { mayWrite } from "../auth/grants.ts";
import { checkPayload } from "../routing/payload-size.ts";
import { channelName, demand, parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ channel: channelName, event: z.string().min(1).max(200), data: z.unknown().optional() });
/** Whether an event of this name may come from somebody who is no handler: it is nobody's own. */
export const mayBePublished = (event: string, route: ReservedContext["route"]): boolean =>
  !isOwnEvent(event) && route(event).pool === undefined;

/**
 * `publish {channel, event, data}`: everyone in the channel, the sender too if he is, gets `event` with
 * `{channel, user, data, id, at}`. Names of pools, of the gateway and of socket.io are refused.
 */
export const publish =
  ({ io, route, remember, confirmed, payloadBytes, clock, newId }: ReservedContext): Answer =>
  async (connection, args) => {
    const { channel, event, data } = parseArgs(schema, args);
    const { user, grants } = connection.identity;
    demand(mayWrite(grants, channel));
    demand(mayBePublished(event, route), "reserved_event");
    checkPayload(data ?? null, payloadBytes);
    const at = clock();
    const id = newId(at);
    const message = { channel, user, data, id, at };
    io.to(channelRoom(channel)).emit(event, message);
    await confirmed();
    void remember(channel, { id, event, args: [message], at });
    return { id };
  };
