import { isOwnEvent, Refusal, remoteWords, type RemoteCancel, type RemoteJob } from "#crds";
import { Reject, type Context, type Handler } from "#runner";
import type { Socket } from "socket.io";
import type { z } from "zod";
import { refusalOf } from "../api/refuse.ts";

interface Run {
  ctx: Context;
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

const ERROR_TEXT = 1000;
const UNSAID = "the worker did not say why";

const reasonOf = (signal: AbortSignal): RemoteCancel["reason"] => {
  const cause: unknown = signal.reason instanceof Error ? signal.reason.cause : undefined;
  return cause === "timeout" || cause === "cancelled" ? cause : "stopping";
};

/**
 * Hears what the worker behind `socket` says of its attempts. Gives, for each pool, the handler that has an attempt run there: it ends as the worker
 * says, and the worker is told when it is over without that. What comes about an attempt that is over is `not_found`, and changes nothing.
 */
export const runsOn = (
  socket: Socket,
  refused: (refusal: Refusal, acked: boolean) => void,
): ((pool: { name: string; timeoutSeconds: number }) => Handler) => {
  const runs = new Map<string, Run>();
  let count = 0;

  const hear = <T extends { run: string }>(event: string, schema: z.ZodType<T>, act: (run: Run, said: T) => void) =>
    socket.on(event, (message: unknown, ack: unknown) => {
      const acked = typeof ack === "function";
      try {
        const said = schema.parse(message);
        const run = runs.get(said.run);
        if (run === undefined) throw new Refusal("not_found", "this attempt is over");
        act(run, said);
        if (acked) ack({ ok: true });
      } catch (error) {
        const refusal = refusalOf(error);
        refused(refusal, acked);
        if (acked) ack(refusal.body());
        else if (refusal.code !== "not_found") socket.emit("refused", { event, error: refusal.body().error });
      }
    });

  hear("job:done", remoteWords["job:done"], ({ resolve }, { run, result }) => {
    runs.delete(run);
    resolve(result);
  });
  hear("job:failed", remoteWords["job:failed"], ({ reject }, { run, error = UNSAID, reject: forGood = false }) => {
    runs.delete(run);
    const text = error.slice(0, ERROR_TEXT);
    reject(forGood ? new Reject(text) : new Error(text));
  });
  hear("job:progress", remoteWords["job:progress"], ({ ctx }, { progress }) => ctx.progress(progress));
  hear("job:emit", remoteWords["job:emit"], ({ ctx }, { channel, user, event, data }) => {
    if (isOwnEvent(event)) throw new Refusal("reserved_event");
    const others = user === undefined ? ctx.broadcast() : ctx.toUser(user);
    const target = channel === undefined ? others : ctx.to(channel);
    target.emit(event, ...(data === undefined ? [] : [data]));
  });

  return (pool) => (payload, ctx) =>
    new Promise((resolve, reject) => {
      const run = `${socket.id}.${(count += 1)}`;
      runs.set(run, { ctx, resolve, reject });
      ctx.signal.addEventListener("abort", () => {
        const cancel: RemoteCancel = { run, reason: reasonOf(ctx.signal) };
        if (runs.delete(run)) socket.emit("job:cancelled", cancel);
      });
      const { id, key, event, user, attempt } = ctx;
      const timeoutMs = pool.timeoutSeconds * 1000;
      const job: RemoteJob = { run, pool: pool.name, id, key, event, payload, user, attempt, timeoutMs };
      socket.emit("job", job);
    });
};
