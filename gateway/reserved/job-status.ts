import { Refusal } from "#crds";
import { z } from "zod";
import { parseArgs, type Answer, type ReservedContext } from "./reserved.ts";

const schema = z.object({ id: z.string().min(1).max(128) });

/** `job:status {id}`: what is known of one of the user's own jobs. */
export const jobStatus =
  ({ store }: ReservedContext): Answer =>
  async (connection, args) => {
    const { id } = parseArgs(schema, args);
    const job = await store.ledger.get(connection.identity.user, id);
    if (job === undefined) throw new Refusal("not_found");
    return { job };
  };
