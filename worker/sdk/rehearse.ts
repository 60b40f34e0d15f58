import { bestMatch, jobKey } from "#crds";
import { silentLog } from "#process";
import { handlersOf, type Handlers } from "./handlers.ts";

/** What a handler did when it was rehearsed. */
export interface Rehearsal {
  result: unknown;
  /** In order. `to` is `channel:<name>`, `user:<id>` or `everyone`. */
  said: { to: string; event: string; args: unknown[] }[];
  progress: number[];
}

/** Which job it is rehearsed with. */
export interface RehearsalOptions {
  id?: string;
  user?: string | undefined;
  attempt?: number;
  signal?: AbortSignal;
}

/** Runs one handler without a cluster, for tests of handlers. Rejects as the handler does. */
export const rehearse = async (
  handlers: Handlers,
  event: string,
  payload: unknown,
  { id = "1", user = "ada", attempt = 1, signal = new AbortController().signal }: RehearsalOptions = {},
): Promise<Rehearsal> => {
  const byEvent = handlersOf(handlers) ?? new Map<string, never>();
  const pattern = bestMatch([...byEvent.keys()], event);
  const handler = pattern === undefined ? undefined : byEvent.get(pattern);
  if (handler === undefined) throw new Error(`no handler takes ${event}`);
  const said: Rehearsal["said"] = [];
  const progress: number[] = [];
  const target = (to: string) => ({
    emit: (event: string, ...args: unknown[]) => void said.push({ to, event, args }),
  });
  const result = await handler(payload, {
    id,
    key: jobKey(user, id),
    user,
    event,
    attempt,
    signal,
    log: silentLog(),
    progress: (value) => void progress.push(value),
    to: (channel) => target(`channel:${channel}`),
    toUser: (other) => target(`user:${other}`),
    broadcast: () => target("everyone"),
  });
  return { result, said, progress };
};
