import { setTimeout as wait } from "node:timers/promises";
import { handlers, Reject } from "@realtimecluster/worker";

const numberIn = (payload: unknown, name: string): number => {
  const value: unknown = typeof payload === "object" && payload !== null ? Reflect.get(payload, name) : undefined;
  return typeof value === "number" ? value : 0;
};

/** What the worker's own tests let a worker run. Every run tells the channel `runs` who runs what. */
export default handlers({
  "t:echo": (payload, ctx) => ({ payload, attempt: ctx.attempt, pid: process.pid }),

  "t:wait": async (payload, ctx) => {
    ctx.to("runs").emit("started", { id: ctx.id, attempt: ctx.attempt, pid: process.pid });
    await wait(numberIn(payload, "ms"), undefined, { signal: ctx.signal });
    return { attempt: ctx.attempt, pid: process.pid };
  },

  /** Goes on for ever in the first attempt, whatever its signal says. */
  "t:deaf": (_payload, ctx) => {
    ctx.to("runs").emit("started", { id: ctx.id, attempt: ctx.attempt, pid: process.pid });
    return ctx.attempt === 1 ? new Promise(() => {}) : { attempt: ctx.attempt, pid: process.pid };
  },

  "t:flaky": (payload, ctx) => {
    if (ctx.attempt < numberIn(payload, "succeedsAt")) throw new Error("not yet");
    return ctx.attempt;
  },

  "t:reject": () => {
    throw new Reject("never");
  },

  "t:progress": async (_payload, ctx) => {
    for (let percent = 0; percent <= 100; percent += 10) {
      ctx.progress(percent);
      await wait(20);
    }
  },
});
