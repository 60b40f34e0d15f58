import { setTimeout as wait } from "node:timers/promises";
import { handle, handlers } from "@realtimecluster/worker";
import { z } from "zod";

/** Rooms of the chat: no other channel can be written to through these handlers. */
const channel = z.string().regex(/^[a-z0-9-]{1,40}$/, "a room is lower-case letters, digits and dashes");
const message = z.object({ channel, text: z.string().trim().min(1).max(2000) });
const slow = z.object({ channel, seconds: z.number().min(0.25).max(60) });

const STEP_MS = 250;

export default handlers({
  /** Everyone in the room gets it; the same id in every attempt, so that clients can drop a repeat. */
  "chat:message": handle(message, ({ channel, text }, ctx) => {
    ctx.to(channel).emit("chat:message", { id: ctx.id, user: ctx.user, text, at: Date.now() });
    return { id: ctx.id };
  }),

  /** A job that takes its time: its sender gets `job:progress`, everyone in the room `chat:progress`, both in percent. */
  "chat:slow": handle(slow, async ({ channel, seconds }, ctx) => {
    const steps = Math.ceil((seconds * 1000) / STEP_MS);
    for (let step = 0; step <= steps; step++) {
      if (step > 0) await wait((seconds * 1000) / steps, undefined, { signal: ctx.signal });
      const progress = Math.round((100 * step) / steps);
      ctx.progress(progress);
      ctx.to(channel).emit("chat:progress", { id: ctx.id, user: ctx.user, progress });
    }
    return { id: ctx.id, seconds };
  }),
});
