import type { Connection } from "../connections/connection.ts";
import { engineOf } from "../forward/engine.ts";
import type { Closing } from "./drain.ts";

/** An engine's sessions without a connection in the main namespace: those that are about to have one, and those of an app's namespaces alone. */
export const otherSessions = (server: object) => {
  const engine = engineOf(server);
  const known = new WeakMap<object, Closing>();
  const closingOf = (session: { close(): void }): Closing => {
    const closing = known.get(session) ?? { owed: 0, close: () => session.close() };
    known.set(session, closing);
    return closing;
  };
  return (connections: Iterable<Connection>): Closing[] => {
    const main = new Set<object>([...connections].map(({ socket }) => socket.conn));
    return Object.values(engine.clients)
      .filter((session) => !main.has(session))
      .map(closingOf);
  };
};
