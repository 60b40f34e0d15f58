import { setTimeout as wait } from "node:timers/promises";
import { handle, handlers } from "@realtimecluster/worker";
import { z } from "zod";

/** What the page's load button sends by the hundred: each takes its worker a moment. */
export default handlers({
  "load:work": handle(z.object({ ms: z.number().min(0).max(10_000) }), async ({ ms }, ctx) => {
    await wait(ms, undefined, { signal: ctx.signal });
    return { id: ctx.id };
  }),
});
