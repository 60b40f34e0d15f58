import type { StoreAnswer, StoreAsk } from "#crds";
import { ExpiringMap } from "./expiring.ts";

type Session = NonNullable<StoreAnswer<"takeSession">>;

/** Sessions held at most; the oldest go first. */
const MAX_SESSIONS = 1_000_000;
/** How long a session that was taken keeps earlier turns out. */
const TAKEN_MS = 60_000;

/** Sessions in memory; what they promise is written at the port. */
export const memorySessions = (clock: () => number) => {
  const held = new ExpiringMap<Session | { turn: number }>(MAX_SESSIONS, clock);
  return {
    put: (session: Session, ttlSeconds: number) => {
      if ((held.get(session.pid)?.turn ?? 0) > session.turn) return;
      // A copy: the bytes are a view into the whole request.
      const kept = { ...session, body: new Uint8Array(session.body) };
      held.set(session.pid, kept, clock() + ttlSeconds * 1000);
    },
    keep: (pid: string, ttlSeconds: number) => {
      const found = held.get(pid);
      if (found !== undefined && "body" in found) held.set(pid, found, clock() + ttlSeconds * 1000);
    },
    take: ({ pid, user, guest }: StoreAsk<"takeSession">): Session | undefined => {
      const found = held.get(pid);
      if (found === undefined || !("body" in found)) return undefined;
      if (found.user !== user && !(guest && found.guest)) return undefined;
      const taken = { ...found, turn: found.turn + 1 };
      held.set(pid, { turn: taken.turn }, Math.max(held.until(pid), clock() + TAKEN_MS));
      return taken;
    },
    drop: (pid: string, turn: number) => {
      if ((held.get(pid)?.turn ?? Infinity) <= turn) held.delete(pid);
    },
    sweep: () => held.sweep(),
  };
};
