import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { handle, handlers } from "@realtimecluster/worker";
import { z } from "zod";

/** Where runs are written down, and what they wait for lies. */
const directory = z.string().parse(process.env["RUNS"]);

/** One that began, as a line of `runs`, or ended, of `ends`: also what a process that is killed has begun is there. */
const note = (file: "runs" | "ends", id: string, attempt: number) =>
  appendFileSync(join(directory, file), `${JSON.stringify({ id, attempt, pid: process.pid })}\n`);

export default handlers({
  /** Goes on until the file `until` is there. */
  "t:held": handle(z.object({ until: z.string() }), async ({ until }, ctx) => {
    note("runs", ctx.id, ctx.attempt);
    while (!existsSync(join(directory, until))) await wait(20, undefined, { signal: ctx.signal });
    return { pid: process.pid, attempt: ctx.attempt };
  }),

  "t:brief": handle(z.object({ ms: z.number() }), async ({ ms }, ctx) => {
    note("runs", ctx.id, ctx.attempt);
    await wait(ms, undefined, { signal: ctx.signal });
    note("ends", ctx.id, ctx.attempt);
    return { pid: process.pid };
  }),
});
