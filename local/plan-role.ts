import type { Instance, Role } from "#operator";

type Seen = Pick<Instance, "instance" | "state" | "configHash">;

/**
 * What to start and whom to stop so that a role comes nearer to what is wanted. Rolling by `surge`, one more than wanted may run, and
 * an old one that serves goes only when a new one serves; by `blueGreen` all that are wanted run beside the old ones, which go together when all
 * serve. A new configuration that never gets ready leaves the old one serving.
 */
export const planRole = (
  instances: readonly Seen[],
  { count, configHash, roll }: Pick<Role, "count" | "configHash" | "roll">,
): { start: number; stop: string[] } => {
  const live = instances.filter(({ state }) => state !== "stopping");
  const current = live.filter((it) => it.configHash === configHash);
  const old = live.filter((it) => it.configHash !== configHash);
  const surplus = current
    .toReversed()
    .sort((a, b) => Number(a.state === "ready") - Number(b.state === "ready"))
    .slice(0, Math.max(0, current.length - count));
  if (roll === "replace") {
    const isFree = old.length === 0 && live.length === instances.length;
    return {
      start: isFree ? Math.max(0, count - current.length) : 0,
      stop: [...old, ...surplus].map(({ instance }) => instance),
    };
  }
  const serving = current.filter(({ state }) => state === "ready").length;
  const oldServing = old.filter(({ state }) => state === "ready");
  const missing = Math.max(0, count - current.length);
  const isWhole = roll === "blueGreen";
  const kept = isWhole && serving < count ? oldServing : oldServing.slice(0, Math.max(0, count - serving));
  const going = old.filter((it) => !kept.includes(it));
  const room = isWhole || kept.length === 0 ? missing : count + 1 - current.length - kept.length;
  return {
    start: Math.min(missing, Math.max(0, room)),
    stop: [...going, ...surplus].map(({ instance }) => instance),
  };
};
