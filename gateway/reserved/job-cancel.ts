import { CANCEL_TOPIC, jobKey } from "#crds";
import { z } from "zod";
import { parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ id: z.string().min(1).max(128) });

/** `job:cancel {id}`: marks one of the user's own jobs, which workers look at before a start, and aborts a running attempt. */
export const jobCancel =
  ({ store, bus }: ReservedContext): Answer =>
  async (connection, args) => {
    const { id } = parseArgs(schema, args);
    const { user } = connection.identity;
    await store.ledger.requestCancel(user, id);
    bus.publish(CANCEL_TOPIC, Buffer.from(jobKey(user, id)));
    return {};
  };
