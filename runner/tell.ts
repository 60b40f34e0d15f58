import { encodeReply, replyTopic, type Job } from "#crds";
import type { Attempt } from "./attempt.ts";
import type { Verdict } from "./decide.ts";

/** The user who hears of the job: the sender of a job. Nobody asked for a lifecycle event, and a copy is not the sender's. */
export const listenerOf = ({ mode, event, user }: Job): string | undefined =>
  mode === "job" && !event.startsWith("$") ? user : undefined;

/**
 * Tells whoever waits for the job what became of it: the asking gateway in mode request, else the user's connections. Throws where the
 * result is neither JSON nor binary.
 */
export const tell = (
  it: Attempt,
  { outcome, state, result, error }: Verdict,
  publish: (topic: string, message: Uint8Array) => void,
): void => {
  const { job, attempt } = it;
  if (state === undefined) return;
  if (job.mode === "request") {
    const { id, user, replyTo } = job;
    if (replyTo !== undefined) publish(replyTopic(replyTo), encodeReply({ v: 1, id, user, result, error }));
    return;
  }
  const listener = listenerOf(job);
  if (listener === undefined) return;
  const user = it.emitter.toUser(listener);
  if (outcome.kind === "retry") user.emit("job:retry", { id: job.id, attempt, inMs: outcome.inMs });
  else if (error === undefined) user.emit("job:done", { id: job.id, result });
  else user.emit("job:failed", { id: job.id, error });
};
