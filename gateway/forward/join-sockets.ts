import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What a client takes to close when its session has ended; engine.io's WebSockets wait as long. */
const LINGER_MS = 30_000;

/**
 * Passes bytes both ways until one side ends; what it had said is still passed on. The returned function ends it
 * from here: what the owner says until it has noticed still reaches the client.
 */
export const joinSockets = (client: Duplex, owner: Socket): (() => void) => {
  let linger: NodeJS.Timeout | undefined;
  client.pipe(owner);
  owner.pipe(client);
  owner.once("close", (broken: boolean) => {
    if (broken) client.destroy();
    else client.end();
    linger = setTimeout(() => client.destroy(), LINGER_MS);
    linger.unref();
  });
  client.once("close", () => {
    clearTimeout(linger);
    owner.destroySoon();
  });
  return () => {
    client.unpipe(owner).resume();
    owner.end();
  };
};
