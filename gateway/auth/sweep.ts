import type { Bus, Subscription } from "#adapter";
import { refusalBody, revocation, REVOCATIONS_TOPIC, type Revocation } from "#crds";
import type { Log } from "#process";
import type { Connection, Connections } from "../connections/connection.ts";
import type { Refusals } from "../refusals.ts";
import type { Identity } from "./tokens.ts";

/** Whether `what` takes this identity's token from it. */
export const isTaken = (what: Revocation, { jti, user, issuedAt }: Identity): boolean =>
  "jti" in what ? jti === what.jti : user === what.user && issuedAt < what.before;

/** Ends a connection whose token is no longer good: it is told why, and does not come back by itself. */
const end = (connection: Connection, code: "token_expired" | "token_revoked", refusals: Refusals): void => {
  refusals.count(code, "close");
  connection.socket.emit("refused", { event: null, error: refusalBody(code).error });
  connection.socket.disconnect(true);
};

export interface Sweep extends AsyncDisposable {
  /** Ends what `what` revokes here. */
  revoke(what: Revocation): void;
  /** Ends a new connection, or one with a new token, that was revoked while it was let in; true where it was. */
  check(connection: Connection): boolean;
}

/** Longer than letting in takes. */
const RECENT_MS = 60_000;
const MAX_RECENT = 10_000;

/** Holds expiry and revocations for live connections: one look a second over all, and the topic on which gateways announce. */
export const startSweep = async ({
  bus,
  connections,
  refusals,
  clock,
  log,
  everyMs = 1000,
}: {
  bus: Bus;
  connections: Connections;
  refusals: Refusals;
  clock: () => number;
  log: Log;
  everyMs?: number;
}): Promise<Sweep> => {
  const recent: { what: Revocation; until: number }[] = [];
  const forget = (now: number) => {
    const kept = recent.findIndex(({ until }) => until > now);
    recent.splice(0, Math.max(kept === -1 ? recent.length : kept, recent.length - MAX_RECENT));
  };
  const revoke = (what: Revocation) => {
    recent.push({ what, until: clock() + RECENT_MS });
    for (const connection of connections.values())
      if (isTaken(what, connection.identity)) end(connection, "token_revoked", refusals);
  };
  const subscription: Subscription = await bus.subscribe(REVOCATIONS_TOPIC, (message) => {
    try {
      revoke(revocation.parse(JSON.parse(Buffer.from(message).toString("utf8"))));
    } catch (error) {
      log.warn({ err: error }, "a revocation could not be read");
    }
  });
  const timer = setInterval(() => {
    const now = clock();
    forget(now);
    for (const connection of connections.values()) {
      const { expiresAt } = connection.identity;
      if (expiresAt !== undefined && expiresAt <= now) end(connection, "token_expired", refusals);
    }
  }, everyMs);
  timer.unref();
  return {
    revoke,
    check: (connection) => {
      const revoked = recent.some(({ what }) => isTaken(what, connection.identity));
      if (revoked) end(connection, "token_revoked", refusals);
      return revoked;
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await subscription[Symbol.asyncDispose]();
    },
  };
};
