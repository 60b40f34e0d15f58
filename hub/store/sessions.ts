import type { StoreAnswer, StoreAsk } from "#crds";
import { ExpiringMap } from "./expiring.ts";

type Session = Exclude<StoreAnswer<"takeSession">, "taken" | null>;

/** Sessions held at most; the oldest go first. */
const MAX_SESSIONS = 1_000_000;
/** How long a session that was taken keeps earlier turns out. */
const TAKEN_MS = 60_000;

/** Sessions in memory; what they promise is written at the port. */
export const memorySessions = (clock: () => number) => {
  const held = new ExpiringMap<Session | { turn: number }>(MAX_SESSIONS, clock);
  return {
    put: (session: Session, ttlSeconds: number) => {
      const found = held.get(session.pid);
      if ((found?.turn ?? 0) > session.turn) return;
      if (found?.turn === session.turn && "body" in found && found.version > session.version) return;
      // A copy: the bytes are a view into the whole request.
      const kept = { ...session, body: new Uint8Array(session.body) };
      held.set(session.pid, kept, clock() + ttlSeconds * 1000);
    },
    keep: (pid: string, ttlSeconds: number) => {
      const found = held.get(pid);
      if (found !== undefined && "body" in found) held.set(pid, found, clock() + ttlSeconds * 1000);
    },
    take: ({ pid, user, guest }: StoreAsk<"takeSession">): StoreAnswer<"takeSession"> => {
      const found = held.get(pid);
      if (found === undefined) return null;
      if (!("body" in found)) return "taken";
      if (found.user !== user && !(guest && found.guest)) return null;
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
