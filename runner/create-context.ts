import type { Log } from "#process";
import type { Context } from "./context.ts";
import type { Attempt } from "./attempt.ts";

/** What a handler gets for an attempt. Its functions may be taken apart from it; signal, logger and emitter are made when first used. */
export const createContext = (
  attempt: Attempt,
  { log, progress }: { log: Log; progress: (value: number) => void },
): Context => {
  const { job, key } = attempt;
  let child: Log | undefined;
  return {
    id: job.id,
    key,
    user: job.user,
    event: job.event,
    attempt: attempt.attempt,
    get signal() {
      return attempt.signal;
    },
    get log() {
      child ??= log.child({ job: job.id, event: job.event, attempt: attempt.attempt });
      return child;
    },
    progress,
    to: (channel) => attempt.emitter.to(channel),
    toUser: (user) => attempt.emitter.toUser(user),
    broadcast: () => attempt.emitter.broadcast(),
  };
};
