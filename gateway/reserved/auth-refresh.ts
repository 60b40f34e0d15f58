import { channelRoom } from "#crds";
import { z } from "zod";
import { mayRead } from "../auth/grants.ts";
import { demand, parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ token: z.string().min(1).max(16_384) });

/**
 * `auth:refresh {token}`: a newer token of the same user replaces grants and expiry. Channels that he subscribed to and may no longer
 * read are left, those that the token joins are joined.
 */
export const authRefresh =
  ({ authenticate, sweep }: ReservedContext): Answer =>
  async (connection, args) => {
    const { token } = parseArgs(schema, args);
    const identity = await authenticate(token);
    demand(identity.user === connection.identity.user);
    connection.identity = identity;
    demand(!sweep.check(connection), "token_revoked");
    const lost = [...connection.subscribed].filter((channel) => !mayRead(identity.grants, channel));
    for (const channel of lost) await connection.socket.leave(channelRoom(channel));
    await connection.socket.join(identity.grants.join.map(channelRoom));
    return identity.expiresAt === undefined ? {} : { expiresAt: identity.expiresAt };
  };
